"""The command line as a whole: help, exit codes, one sentence for every mistake, commands of plugins."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa

from tertulia.cli import GROUPS, outcome, root
from tertulia.errors import Mistake, Refused, Unavailable, Unsafe

Run = Callable[..., Any]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of ours with the words that call it."""
    context = click.Context(group)
    for name in GROUPS if group is root else group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_help_lists_every_command(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0
    for name, (_, summary) in GROUPS.items():
        assert name in shown.out
        assert summary in shown.out


def test_every_command_says_what_it_is_for(run: Run) -> None:
    known = list(commands(root))
    assert len(known) > 40
    for words, command in known:
        assert command.name == words[-1]
        assert command.help, words
        assert run(*words, "--help").code == 0
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (words, parameter.name)


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "organization": (("workspace", "create", "B", "-o", "Nobody"), "--organization"),
    "workspace": (("people", "list", "-w", "Nowhere"), "--workspace"),
    "organization name": (("people", "create-organization", " "), "organization name"),
    "taken name": (("people", "create-organization", "Example"), "choose another name"),
    "public domain": (("people", "create-organization", "B", "--domain", "gmail.com"), "domain"),
    "zone": (("workspace", "create", "B", "--zone", "Europe/Madird"), "Europe/Madrid"),
    "language": (("workspace", "create", "B", "--language", "??"), "language"),
    "field": (("people", "add", "Cia", "shoe=42"), "shoe"),
    "field without value": (("people", "add", "Cia", "email"), "FIELD=VALUE"),
    "e-mail": (("people", "add", "Cia", "email=cia"), "email"),
    "e-mail of another": (("people", "add", "Cia", "email=ana@example.org"), "email"),
    "file of people": (("people", "import", "nothing.csv"), "nothing.csv"),
    "person": (("people", "roles", "grant", "owner", "eve@example.org"), "PERSON"),
    "person's id": (("erase", "0123", "--yes"), "PERSON"),
    "merge of one": (("people", "merge", "ana@example.org", "ana@example.org"), "itself"),
    "merge that is none": (("people", "undo", "0123"), "merge"),
    "plugin": (("plugins", "enable", "telepathy"), "telepathy"),
    "setting": (("plugins", "enable", "web", "colour=red"), "colour"),
    "setting without value": (("plugins", "enable", "web", "sender"), "sender"),
    "setting of the wrong type": (("plugins", "enable", "web", "per_minute=many"), "per_minute"),
    "secret on the command line": (("plugins", "enable", "web", "smtp_url=smtp://a:b@c"), "smtp_url=@FILE"),
    "secret's file": (("plugins", "enable", "web", "smtp_url=@nothing"), "nothing"),
    "settings' file": (("plugins", "enable", "web", "--file", "nothing.json"), "nothing.json"),
    "nothing to configure": (("plugins", "configure", "web"), "KEY=VALUE"),
    "plugin that is not enabled": (("plugins", "disable", "web"), "enable it first"),
    "program's file": (("program", "check", "nothing.toml"), "nothing.toml"),
    "no program": (("program", "show"), "program apply"),
    "nothing to undo": (("program", "undo"), "program apply"),
    "round": (("rounds", "show", "0123"), "ROUND"),
    "no open round": (("rounds", "watch"), "ROUND"),
    "state of events": (("inbox", "list", "--state", "lost"), "--state"),
    "no events named": (("inbox", "replay"), "--all"),
    "events that are none": (("inbox", "replay", "0123"), "IDS"),
    "export over a file": (("export", "taken.txt"), "taken.txt"),
    "export to nowhere": (("export", "no/where.json"), "no/where.json"),
    "anchor": (("audit", "verify", "--anchor", "7"), "--anchor"),
    "backup over a file": (("backup", "taken.txt"), "taken.txt"),
    "backup that is none": (("restore", "taken.txt"), "not empty"),
    "backup to nowhere": (("backup", "no/where.bin"), "another folder"),
    "people from a folder": (("people", "import", "."), "FILE"),
    "keys that exist": (("keys", "new"), "TERTULIA_KEYS"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(case: str, home: Run, tmp_path: Path) -> None:
    command, named = MISTAKES[case]
    (tmp_path / "taken.txt").write_text("taken")
    ran = home(*command)
    assert ran.code == 1, ran
    assert named in ran.sentence


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("sing",), "sing"),
        (("people", "sing"), "sing"),
        (("people", "list", "--loud"), "--loud"),
        (("program", "apply"), "FILE"),
        (("people", "roles", "grant", "emperor", "ana@example.org"), "emperor"),
        (("rounds", "list", "--limit", "0"), "--limit"),
        (("export", "--format", "xml"), "--format"),
    ],
)
def test_a_wrong_command_line_ends_with_2(command: tuple[str, ...], named: str, run: Run) -> None:
    ran = run(*command)
    assert ran.code == 2
    assert named in ran.sentence
    assert "--help" in ran.sentence


@pytest.mark.parametrize("periods", ["person=1", "response", "response=soon"])
def test_a_wrong_retention_is_a_mistake(periods: str, home: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_RETENTION", periods)
    ran = home("people", "organizations")
    assert ran.code == 1
    assert "TERTULIA_RETENTION" in ran.sentence


def test_without_an_organization_the_cure_is_told(run: Run) -> None:
    assert run("keys", "new").code == 0
    assert "people create-organization" in run("people", "list").sentence
    assert run("people", "create-organization", "Example").code == 0
    assert "workspace create" in run("people", "list").sentence


def test_where_there_are_several_one_must_be_named(home: Run) -> None:
    assert home("workspace", "create", "Other").code == 0
    assert "Home, Other" in home("people", "list").sentence
    assert len(home("people", "list", "-w", "Home").rows) == 2
    assert home("people", "list", "-w", "Other").rows == []


def test_a_database_that_does_not_answer_is_unavailable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("keys", "new").code == 0
    monkeypatch.setenv("TERTULIA_DATABASE_URL", "postgresql://127.0.0.1:9/tertulia?connect_timeout=2")
    ran = run("people", "organizations")
    assert ran.code == 4
    assert "TERTULIA_DATABASE_URL" in ran.sentence


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Mistake("No."), 1),
        (Refused("no"), 1),
        (click.Abort(), 1),
        (click.UsageError("No."), 2),
        (Unsafe("No."), 3),
        (Unavailable("No."), 4),
        (sa.exc.OperationalError("SELECT", {}, Exception("gone")), 4),
        (ExceptionGroup("several", [Unsafe("No.")]), 3),
        (FileNotFoundError(2, "No such file or directory", "no/where"), 1),
        (ValueError("what somebody wrote"), 5),
    ],
)
def test_every_failure_has_its_code(error: Exception, code: int) -> None:
    found, sentence = outcome.of(error)
    assert found == code
    assert "\n" not in sentence
    assert "what somebody wrote" not in sentence


def test_a_reader_may_stop_early(home: Run, folder: Path) -> None:
    command = f"{sys.executable} -m tertulia people list | true"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60, check=False)  # noqa: S602  # what a shell does is tried
    assert done.stderr == b""


def test_the_codes_are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operate.md").read_text()
    for code, meaning in outcome.CODES.items():
        assert f"| {code} | {meaning} |" in page


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a plugin that brings a command."""
    monkeypatch.syspath_prepend(str(tmp_path))
    source = """
        import click
        from tertulia import hookimpl

        @click.group()
        def harp():
            '''Play the harp.'''

        @harp.command()
        @click.option("--loud", is_flag=True)
        def pluck(loud):
            '''Pluck a string.'''
            if loud:
                raise ValueError("the string that broke")
            click.echo("pling")

        @hookimpl
        def register_cli():
            return harp
    """
    (tmp_path / "example_harp.py").write_text(textwrap.dedent(source))
    info = tmp_path / "example_harp-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example-harp\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tertulia]\nharp = example_harp\n")
    yield
    sys.modules.pop("example_harp", None)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_brings_its_own_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Play the harp." in run("--help").out
    assert run("harp", "pluck").out == "pling\n"
    assert run("harp", "sing").code == 2
    broken = run("harp", "pluck", "--loud")
    assert broken.code == 5
    assert "the string that broke" not in broken.err
    assert "ValueError" in broken.err
    monkeypatch.setenv("TERTULIA_PLUGINS", "web")
    assert run("harp", "pluck").code == 2
