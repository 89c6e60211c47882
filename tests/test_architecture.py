"""The arrows of the design, read from the syntax trees: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core"
PLUGINS = ROOT / "plugins"
MODULE_LINES, FUNCTION_LINES = 400, 50
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
FOREIGN = re.compile(r"tertulia_(?:teams|zoom|trello)|(?:^|_)(?:zoom|trello|msteams)(?:_|$)", re.IGNORECASE)
INTERFACE = {"tertulia.capabilities", "tertulia.extension", "tertulia.hookspecs", "tertulia.live"}

# what may be imported, from us by prefix and from others by package; `None`: any package
ARROWS: dict[str, tuple[set[str], set[str] | None]] = {
    "tertulia.domain": ({"tertulia.domain"}, set()),
    "tertulia.errors": (set(), set()),
    "tertulia.capabilities": ({"tertulia.domain"}, set()),
    "tertulia.live": ({"tertulia.domain"}, set()),
    "tertulia.extension": ({"tertulia.domain", "tertulia.capabilities", "tertulia.live"}, {"aiohttp", "pydantic"}),
    "tertulia.hookspecs": ({"tertulia.domain", *INTERFACE}, {"aiohttp", "click", "pluggy", "pydantic"}),
    "tertulia.contract": ({"tertulia.domain", "tertulia.errors", *INTERFACE}, {"pluggy", "pydantic"}),
    "tertulia.storage": ({"tertulia.domain", "tertulia.errors", "tertulia.storage"}, None),
}
# what may not be imported, whatever else may
BARRED: dict[str, set[str]] = {
    "tertulia.services": {"tertulia.web", "tertulia.cli", "tertulia.bootstrap", "tertulia.service"},
    "tertulia.delivery": {"tertulia.web", "tertulia.cli", "tertulia.bootstrap", "tertulia.service"},
    "tertulia.rituals": {
        "tertulia.web",
        "tertulia.cli",
        "tertulia.services",
        "tertulia.storage",
        "tertulia.delivery",
    },
    "tertulia.surveys": {"tertulia.web", "tertulia.cli", "tertulia.bootstrap", "tertulia.service"},
    "tertulia.plugins": {
        "tertulia.web",
        "tertulia.cli",
        "tertulia.services",
        "tertulia.storage",
        "tertulia.delivery",
    },
    "tertulia.bootstrap": {"tertulia.web", "tertulia.cli", "tertulia.service"},
    "tertulia.web": {"tertulia.cli"},
}


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def core_files() -> list[Path]:
    """Return every module of the core."""
    return sorted((CORE / "tertulia").rglob("*.py"))


def plugin_files() -> list[Path]:
    """Return every module of the plugins."""
    return sorted(path for path in PLUGINS.glob("*/tertulia_*/**/*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name of a module of ours."""
    top = CORE if path.is_relative_to(CORE) else PLUGINS / path.relative_to(PLUGINS).parts[0]
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a module imports, wherever in it; `from a import b` as `a.b` where that is a module of ours."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield node.lineno, inner if is_module(inner) else module


def is_module(name: str) -> bool:
    """Tell whether *name* is a module of the core."""
    path = CORE.joinpath(*name.split("."))
    return name.startswith("tertulia.") and (path.with_suffix(".py").exists() or path.is_dir())


def below(name: str, prefixes: set[str]) -> bool:
    """Tell whether *name* is one of *prefixes* or inside one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def at(path: Path, line: int, sentence: str) -> str:
    """Word a violation so that an editor can jump to it."""
    return f"{path.relative_to(ROOT)}:{line}: {sentence}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("layer", ARROWS)
def test_a_layer_imports_only_what_lies_below(layer: str) -> None:
    ours, others = ARROWS[layer]
    faults = []
    for path in core_files():
        if not below(module_name(path), {layer}):
            continue
        for line, name in imports(path):
            top = name.partition(".")[0]
            if top == "tertulia":
                allowed = below(name, ours)
            else:
                allowed = others is None or top in others or top in sys.stdlib_module_names
            if not allowed:
                faults.append(at(path, line, f"{layer} must not import {name}"))
    assert faults == []


@pytest.mark.parametrize("layer", BARRED)
def test_a_layer_does_not_import_what_lies_above(layer: str) -> None:
    faults = [
        at(path, line, f"{layer} must not import {name}")
        for path in core_files()
        if below(module_name(path), {layer}) and not below(module_name(path), BARRED[layer])
        for line, name in imports(path)
        if below(name, BARRED[layer])
    ]
    assert faults == []


def test_the_core_never_names_a_plugin() -> None:
    faults = [
        at(path, line, f"the core must not import {name}")
        for path in core_files()
        for line, name in imports(path)
        if name.startswith("tertulia_")
    ]
    for path in core_files():
        for node in ast.walk(tree(path)):
            for name in identifiers(node):
                if FOREIGN.search(name):
                    faults.append(at(path, getattr(node, "lineno", 0), f"the core must not name {name}"))
    assert faults == []


def identifiers(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node introduces or uses, and strings that are nothing but a name."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name)
    elif isinstance(node, ast.arg | ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.name for alias in node.names)
        yield getattr(node, "module", None) or ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        yield node.value


def test_plugins_import_the_public_api_only() -> None:
    public = {"testing", *literal_all(CORE / "tertulia" / "__init__.py")}
    faults = []
    for path in plugin_files():
        own = module_name(path).partition(".")[0]
        for line, name in imports(path):
            top = name.partition(".")[0]
            if top.startswith("tertulia_") and top != own:
                faults.append(at(path, line, f"{own} must not import another plugin, {top}"))
            if top == "tertulia" and name not in ("tertulia", "tertulia.testing"):
                faults.append(at(path, line, f"{own} must not import {name}, only tertulia and tertulia.testing"))
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "tertulia":
                for alias in node.names:
                    if alias.name not in public:
                        faults.append(at(path, node.lineno, f"{alias.name} is not in tertulia.__all__"))
    assert faults == []


def literal_all(path: Path) -> set[str]:
    """Return `__all__` of a module."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return set()


def test_published_cells_are_read_in_one_place() -> None:
    may = {"tertulia.storage", "tertulia.services.releasing", "tertulia.services.summaries"}
    faults = []
    for path in [*core_files(), *plugin_files()]:
        if below(module_name(path), may):
            continue
        for line, name in imports(path):
            if name == "tertulia.storage.cells":
                faults.append(at(path, line, "cells are read through services.releasing only"))
        for node in ast.walk(tree(path)):
            named = isinstance(node, ast.ImportFrom) and node.module == "tertulia.storage.tables"
            if named and any(alias.name == "cell" for alias in node.names):
                faults.append(at(path, node.lineno, "cells are read through services.releasing only"))
            if isinstance(node, ast.Attribute) and node.attr == "cell" and getattr(node.value, "id", "") == "tables":
                faults.append(at(path, node.lineno, "cells are read through services.releasing only"))
    assert faults == []


def test_what_takes_two_people_is_done_in_one_place() -> None:
    guarded = {
        "people.grant": {"tertulia.web.console.role_list"},  # hosts, which one person names
        "people.revoke": {"tertulia.web.console.role_list"},
        "people.declare_domains": set(),
        "programs.apply_agreed": set(),
    }
    faults = []
    for path in core_files():
        if not below(module_name(path), {"tertulia.web"}):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                if name in guarded and module_name(path) not in guarded[name]:
                    faults.append(at(path, node.lineno, f"{name} takes two people: use services.second_person"))
    assert faults == []


def test_modules_are_named_by_what_they_are_about() -> None:
    faults = [
        at(path, 1, f"{part} says nothing; name the module by its subject")
        for path in [*core_files(), *plugin_files()]
        for part in module_name(path).split(".")
        if part in VAGUE
    ]
    assert faults == []


def test_modules_and_functions_stay_small() -> None:
    faults = []
    for path in [*core_files(), *plugin_files(), *sorted((ROOT / "benchmarks").glob("*.py"))]:
        if path.name == "r0001_first.py":
            continue  # generated once and frozen
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MODULE_LINES:
            faults.append(at(path, 1, f"{lines} lines, at most {MODULE_LINES}"))
        for function in functions(path):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > FUNCTION_LINES:
                faults.append(at(path, function.lineno, f"{function.name}: {length} lines, at most {FUNCTION_LINES}"))
    assert faults == []


def test_whatever_is_silenced_says_why() -> None:
    bare = re.compile(r"# (?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[a-z, -]+\])?) *$")
    ours = [
        *core_files(),
        *(path for top in (PLUGINS, ROOT / "benchmarks", ROOT / "tests") for path in top.rglob("*.py")),
    ]
    faults = [
        at(path, number, "write the reason beside what silences a check: `# noqa: X  # because`")
        for path in ours
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert faults == []


def test_the_public_api_is_documented() -> None:
    modules = {name for _, name in imports(CORE / "tertulia" / "__init__.py") if name.startswith("tertulia.")}
    paths = [
        path
        for path in core_files()
        if module_name(path) in modules or below(module_name(path), {"tertulia.testing"})
    ]
    faults = []
    for path in paths:
        if tree(path).body and ast.get_docstring(tree(path)) is None:
            faults.append(at(path, 1, "the module has no docstring"))
        for node in documented(tree(path)):
            if ast.get_docstring(node) is None:
                faults.append(at(path, node.lineno, f"{node.name} has no docstring"))
    assert paths
    assert faults == []


def documented(
    parent: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield public classes, functions and methods."""
    for node in parent.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from documented(node)
