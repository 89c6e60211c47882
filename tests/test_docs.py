"""The documentation says what the code says."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import tertulia
from tertulia import hookspecs

ROOT = Path(__file__).parent.parent
PLUGINS = (ROOT / "docs" / "plugins.md").read_text()
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "tertulia_spec")}
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "plugins").glob("*/README.md")])
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PLUGINS) if found == language]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_a_heading_with_its_arguments_and_an_example(hook: str) -> None:
    arguments = ", ".join(inspect.signature(HOOKS[hook]).parameters)
    heading = f"### {hook}({arguments})"
    assert heading in PLUGINS.splitlines()
    section = PLUGINS.split(heading)[1].split("\n### ")[0].split("\n## ")[0]
    assert f"def {hook}(" in section
    assert "Called" in section


def test_no_heading_is_left_of_a_hook_that_went() -> None:
    headings = set(re.findall(r"^### (\w+)\(", PLUGINS, re.MULTILINE))
    assert headings == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_since_when_it_exists_and_what_it_takes(hook: str) -> None:
    text = inspect.getdoc(HOOKS[hook]) or ""
    assert re.search(r"^\.\. versionadded:: \d+\.\d+$", text, re.MULTILINE)
    for argument in inspect.signature(HOOKS[hook]).parameters:
        assert f":param {argument}:" in text


@pytest.mark.parametrize("name", tertulia.__all__)
def test_a_public_name_exists_and_is_mentioned(name: str) -> None:
    assert hasattr(tertulia, name)
    assert re.search(rf"\b{name}s?\b", PLUGINS)


def test_code_blocks_parse() -> None:
    assert len(blocks("python")) > 10
    for block in blocks("python"):
        ast.parse(block)
    for block in blocks("toml"):
        tomllib.loads(block)


def test_the_example_is_short() -> None:
    files = re.findall(r"^```\w+ title=[^\n]*\n(.*?)^```$", PLUGINS, re.MULTILINE | re.DOTALL)
    assert len(files) == 2
    assert sum(len(file.splitlines()) for file in files) < 150


def test_the_distributions_have_one_version() -> None:
    files = [ROOT / "pyproject.toml", *sorted((ROOT / "plugins").glob("*/pyproject.toml"))]
    projects = [tomllib.loads(file.read_text())["project"] for file in files]
    assert len(projects) == 4
    assert len({project["version"] for project in projects}) == 1
    major, minor = projects[0]["version"].split(".")[:2]
    wanted = f"tertulia>={major}.{minor},<{major}.{int(minor) + 1}"
    assert all(wanted in project["dependencies"] for project in projects[1:])


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text()
        for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
            path, _, anchor = target.partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            linked = (page.parent / path).resolve() if path else page
            assert linked.exists(), f"{page.relative_to(ROOT)} links to {target}"
            if anchor and linked.suffix == ".md":
                titles = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
                assert anchor in slugs, f"{page.relative_to(ROOT)} links to {target}"


def test_the_public_api_is_light() -> None:
    source = inspect.getsource(tertulia)
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert not any(module and "storage" in module for module in imported)
