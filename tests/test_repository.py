"""What the repository promises a newcomer and an operator holds."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tertulia.cli import GROUPS
from tertulia.config import SETTINGS
from tertulia.services.retention import RETENTION

ROOT = Path(__file__).parent.parent
OPERATE = (ROOT / "docs" / "operate.md").read_text()
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
# in parts, so that this file does not name them itself
REGISTRIES = re.compile(
    "|".join(re.escape(f"{name}.{top}") for name, top in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "com")))
    + "|registry\\.npm|deb\\.debian|proxy\\.golang",
    re.IGNORECASE,
)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/[\w.]")


def tracked() -> list[Path]:
    """Return what the repository holds; without git, what an archive of it holds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for folder in ("core", "docs", "plugins", "tests") for path in (ROOT / folder).rglob("*.*")]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path, text in texts()
        for pattern in (REGISTRIES, MACHINE)
        for found in pattern.finditer(text)
    ]
    assert faults == []


def test_no_lock_file_is_kept() -> None:
    assert not [path for path in tracked() if path.name == "uv.lock"]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of docs/operate.md."""
    section = OPERATE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_table_of_settings_is_the_code_s() -> None:
    assert dict(rows("Settings")) == SETTINGS


def test_the_table_of_retention_is_the_code_s() -> None:
    assert dict(rows("Retention")) == {name: f"{period.days} days" for name, period in RETENTION.items()}


def test_the_metrics_exist() -> None:
    source = (ROOT / "core" / "tertulia" / "web" / "operation.py").read_text()
    counted = set(re.findall(r'^    "(\w+)": tables', source, re.MULTILINE))
    known = {f"tertulia_{name}" for name in counted} | {"tertulia_requests_total", "tertulia_worker_beat_age_seconds"}
    assert set(re.findall(r"`(tertulia_\w+)`", OPERATE)) == known
    assert '"tertulia_requests"' in source
    assert '"tertulia_worker_beat_age_seconds"' in source


@pytest.mark.parametrize("page", ["README.md", "docs/operate.md", "SECURITY.md", "CHANGELOG.md", "docs/plugins.md"])
def test_every_command_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`tertulia ([a-z]+)", text)) | set(re.findall(r"^tertulia ([a-z]+)", text, re.MULTILINE))
    brought_by_plugins = {"postbox", "teams", "trello", "zoom"}
    assert named <= GROUPS.keys() | brought_by_plugins


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", README))
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert {"demo", "test", "bench"} <= named <= targets
    assert "lint" in targets


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()


def test_everything_that_is_asked_for_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {normal(line.partition("==")[0]) for line in lines if "==" in line}
    assert all("==" in line or line.startswith("#") for line in lines)
    projects = [ROOT / "pyproject.toml", *sorted((ROOT / "plugins").glob("*/pyproject.toml"))]
    asked = set()
    for path in projects:
        project = tomllib.loads(path.read_text())["project"]
        extras = project.get("optional-dependencies", {}).values()
        for wish in [*project["dependencies"], *(one for extra in extras for one in extra)]:
            asked.add(normal(re.split(r"[\[<>=!~; ]", wish)[0]))
    assert {name for name in asked if not name.startswith("tertulia")} <= pinned


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
