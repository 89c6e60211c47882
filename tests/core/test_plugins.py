"""Plugins are found, held to the contract, called one at a time and kept from harming each other."""

from __future__ import annotations

import asyncio
import logging
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel, ValidationError

from tertulia.domain.prompts import Draft, Given
from tertulia.errors import Mistake
from tertulia.extension import Event, Prepared
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OPENED = Event(name="round.opened", workspace="w", subject="r", at=NOW)
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution with one module, as pip would, on a path of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def installed(name: str, source: str, *, distribution: str | None = None) -> None:
        dist = distribution or f"example-{name}"
        module = dist.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tertulia]\n{name} = {module}\n")

    yield installed
    for name in set(sys.modules) - before:
        if name.startswith(("example_", "other_")):
            del sys.modules[name]


SOUND = """
    from tertulia.hookspecs import hookimpl

    @hookimpl
    def register_rituals():
        return ()
"""


def plugin(**hooks: Any) -> ModuleType:
    """Make a plugin of these hooks."""
    module = ModuleType("example")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


class Toast:
    """Be a small ritual kind."""

    name = "toast"
    privacy = "named"
    options = BaseModel

    def prepare(self, request: Any) -> Prepared:
        return Prepared(content={})

    def prompt(self, content: Any, language: str) -> Draft:
        raise NotImplementedError

    def accept(self, content: Any, verb: str, values: Any) -> Given:
        return Given()

    def summary(self, content: Any, given: Any, tally: Any, language: str) -> None:
        return None


def load(allowed: frozenset[str] = frozenset(), **extra: object) -> Plugins:
    """Load *extra* and what is allowed of what is installed, without the built-ins."""
    return Plugins.load(extra, builtin=False, allowed=allowed)


def test_installed_plugins_are_found_in_the_order_of_their_names(install: Install) -> None:
    install("zebra", SOUND)
    install("aster", SOUND)
    plugins = Plugins.load(builtin=False)
    assert [name for name in plugins.names if name in ("aster", "zebra")] == ["aster", "zebra"]
    assert "aster" not in plugins.faults


def test_built_ins_come_first(install: Install) -> None:
    install("aster", SOUND)
    plugins = Plugins.load()
    known = [name for name in (*plugins.names, *plugins.faults) if name in ("rituals", "web", "aster")]
    assert set(known) == {"rituals", "web", "aster"}
    assert set(plugins.names[:2]) <= {"rituals", "web"} or plugins.faults


def test_a_broken_import_is_reported_and_skipped(install: Install) -> None:
    install("broken", "raise RuntimeError('no wheel for this platform')")
    install("leaving", "raise SystemExit(3)")
    install("sound", SOUND)
    plugins = load(frozenset({"broken", "leaving", "sound"}))
    assert "sound" in plugins.names
    assert "broken" not in plugins.names
    assert plugins.faults["broken"] == (
        "Plugin broken could not be imported (RuntimeError: no wheel for this platform); "
        "repair or remove the distribution example-broken."
    )
    assert "leaving" in plugins.faults


def test_two_distributions_may_not_share_a_name(install: Install) -> None:
    install("twin", SOUND)
    install("twin", SOUND, distribution="other-twin")
    plugins = load(frozenset({"twin"}))
    assert plugins.names.count("twin") == 1
    assert "Two plugins are called twin" in plugins.faults["twin"]


def test_the_allow_list_limits_what_is_installed(install: Install) -> None:
    install("wanted", SOUND)
    install("unwanted", "raise AssertionError('imported though not allowed')")
    plugins = load(frozenset({"wanted", "absent"}))
    assert plugins.names == ("wanted",)
    assert plugins.faults["unwanted"] == "Plugin unwanted is installed but TERTULIA_PLUGINS does not name it."
    assert plugins.faults["absent"] == (
        "Plugin absent is named in TERTULIA_PLUGINS but not installed; install or remove it."
    )


async def _coroutine(*_: object) -> None:
    raise AssertionError("must not be called")


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (
            plugin(register_platform=lambda context: ()),
            "unknown hook register_platform; rename it to register_platform",
        ),
        (plugin(register_platforms=lambda kontext: ()), "breaks a hook's signature"),
        (plugin(register_platforms=_coroutine), "register_platforms with async; write it as a plain function"),
        (plugin(match_groups=_coroutine), "match_groups with async"),
        (plugin(register_settings=lambda: {"url": str}), "must return a pydantic model class"),
        (plugin(register_rituals=lambda: 7), "must return a list of objects, not an object of type int"),
        (plugin(register_rituals=lambda: ["toast"]), "has no method prepare"),
        (plugin(register_rituals=lambda: [Toast(), Toast()]), "gives the ritual kind toast twice"),
        (plugin(register_rituals=lambda: 1 / 0), "failed in register_rituals: ZeroDivisionError"),
        (plugin(), "implements no hook"),
        (object(), "implements no hook"),
    ],
)
def test_a_breach_of_the_contract_is_refused_with_name_and_cure(broken: object, sentence: str) -> None:
    plugins = load(broken=broken, sound=plugin(register_rituals=lambda: [Toast()]))
    assert plugins.names == ("sound",)
    assert sentence in plugins.faults["broken"]
    assert plugins.faults["broken"].startswith("Plugin broken")
    assert plugins.ritual("toast").name == "toast"


def test_a_hook_without_decorator_is_named() -> None:
    module = plugin(register_rituals=lambda: ())

    def on_event(event: object) -> None: ...

    module.on_event = on_event
    assert "put @tertulia.hookimpl above it" in load(broken=module).faults["broken"]


def test_a_coroutine_returned_from_a_hook_is_refused_without_a_warning() -> None:
    broken = plugin(register_rituals=lambda: _coroutine())
    assert "not an object of type coroutine" in load(broken=broken).faults["broken"]


@pytest.mark.parametrize("name", ["Upper", "a" * 51, "with/slash", "", "1st"])
def test_a_name_must_fit_into_a_url(name: str) -> None:
    plugins = load(**{name: plugin(register_rituals=lambda: ())})
    assert plugins.names == ()
    assert "lower-case" in plugins.faults[name]


def test_a_ritual_kind_of_two_plugins_names_both() -> None:
    first, second = plugin(register_rituals=lambda: [Toast()]), plugin(register_rituals=lambda: [Toast()])
    plugins = load(first=first, second=second)
    assert plugins.names == ("first",)
    assert plugins.faults["second"] == (
        "Plugins first and second both give the ritual kind toast; remove one of them."
    )


def test_an_unknown_ritual_kind_is_a_mistake_that_names_the_known_ones() -> None:
    with pytest.raises(Mistake, match="no ritual kind 'taost'; known are: toast"):
        load(some=plugin(register_rituals=lambda: [Toast()])).ritual("taost")


def test_settings_refuse_what_the_model_does_not_name() -> None:
    class Settings(BaseModel):
        url: str

    plugins = load(some=plugin(register_settings=lambda: Settings), other=plugin(register_rituals=lambda: ()))
    model = plugins.settings_model("some")
    assert isinstance(model(url="x"), Settings)
    with pytest.raises(ValidationError):
        model(url="x", ulr="y")
    with pytest.raises(ValidationError):
        plugins.settings_model("other")(anything=1)
    with pytest.raises(Mistake, match="no plugin third; installed are: other, some"):
        plugins.settings_model("third")


async def test_only_enabled_plugins_hear_an_event_and_none_harms_another(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    async def asynchronous(event: Event) -> None:
        await asyncio.sleep(0)
        heard.append("asynchronous")

    async def failing(event: Event) -> None:
        raise ValueError("private words")

    async def stuck(event: Event) -> None:
        await asyncio.sleep(60)

    hooks = {
        "asynchronous": plugin(on_event=asynchronous),
        "disabled": plugin(on_event=lambda event: heard.append("disabled")),
        "failing": plugin(on_event=failing),
        "stuck": plugin(on_event=stuck),
        "synchronous": plugin(on_event=lambda event: heard.append("synchronous")),
    }
    plugins = Plugins.load(hooks, builtin=False, allowed=frozenset(), seconds=0.05)
    with caplog.at_level(logging.ERROR):
        await plugins.announce(OPENED, {"asynchronous", "failing", "stuck", "synchronous", "absent"})
    assert sorted(heard) == ["asynchronous", "synchronous"]
    assert "plugin failing failed on round.opened: ValueError in failing" in caplog.text
    assert "plugin stuck took longer than 0.05 s" in caplog.text
    assert "private words" not in caplog.text


def test_groups_come_from_the_first_enabled_plugin_that_forms_any() -> None:
    hooks = {
        "a-failing": plugin(match_groups=lambda ritual, people, history: 1 / 0),
        "b-declining": plugin(match_groups=lambda ritual: None),
        "c-losing-people": plugin(match_groups=lambda people: [people[:1]]),
        "d-pairing": plugin(match_groups=lambda people: [people[:2], people[2:]]),
        "e-late": plugin(match_groups=lambda people: [people]),
    }
    plugins = load(**hooks)
    people = ("p1", "p2", "p3", "p4")
    assert plugins.groups("cafe", people, {}, set(hooks)) == (("p1", "p2"), ("p3", "p4"))
    assert plugins.groups("cafe", people, {}, {"e-late"}) == (people,)
    assert plugins.groups("cafe", people, {}, {"b-declining"}) is None
    assert plugins.groups("cafe", people, {}, set()) is None


def test_commands_and_sandboxes_of_a_failing_plugin_are_left_out() -> None:
    @click.command()
    def manifest() -> None: ...

    class Stand:
        name = "sound"

        async def start(self) -> dict[str, str]:
            return {}

        async def stop(self) -> None: ...

    failing = plugin(register_cli=lambda: 1 / 0, register_sandbox=lambda: [object()])
    sound = plugin(register_cli=lambda: manifest, register_sandbox=lambda: [Stand()])
    plugins = load(failing=failing, sound=sound)
    assert dict(plugins.commands()) == {"sound": manifest}
    assert [sandbox.name for sandbox in plugins.sandboxes()] == ["sound"]
    assert "register_cli" in plugins.faults["failing"]
    assert "a sandbox" in plugins.faults["failing"]
