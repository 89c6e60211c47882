"""The command line: one module per group, loaded when it is asked for."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from tertulia import journal

GROUPS = {
    "demo": ("demo", "Try it: an invented organization lives weeks in minutes."),
    "serve": ("serving", "Run the service: web pages, the timer and all work."),
    "console": ("console", "Print a link that signs an owner or admin in, from here."),
    "worker": ("working", "Run one more process of work, on PostgreSQL."),
    "doctor": ("doctor", "Find what is wrong or missing, and say how to mend it."),
    "keys": ("keys", "Make, add and change the keys that seal secrets."),
    "people": ("people", "Organizations, persons, imports, roles and merges."),
    "workspace": ("workspaces", "The parts of an organization that run a program."),
    "tokens": ("tokens", "Make, list and revoke tokens of the JSON API."),
    "plugins": ("plugins", "Enable and configure plugins, per workspace."),
    "program": ("program", "Check, plan and apply a workspace's program."),
    "places": ("places", "The shared places that a workspace's program knows."),
    "rounds": ("rounds", "See rounds, watch one being delivered, and steer it."),
    "cafe": ("cafe", "See how well the next groups of a café would suit."),
    "rest": ("hard_weeks", "Hard weeks: let what is playful rest, with support."),
    "groups": ("groups", "The groups of a workspace, never who is in them."),
    "candle": ("candles", "Who receives candles, help numbers, about how many lit."),
    "survey": ("survey", "Read results, say what will be done, check a question."),
    "overview": ("overview", "How a workspace is doing: a profile of published figures."),
    "recommendations": ("recommendations", "What could be tried, what was decided, what followed."),
    "measures": ("measures", "Participation, ties, turnover of groups; outside ratings."),
    "inbox": ("inbox", "See events that could not be processed, and try them again."),
    "export": ("export", "Write a workspace's program and round counts to a file."),
    "erase": ("erase", "Erase a person for good."),
    "audit": ("audit", "Verify the audit log and anchor its end."),
    "backup": ("backup", "Write a sealed backup while the service runs."),
    "restore": ("restore", "Restore a backup into an empty database."),
}
"""Command to module and summary; a command named like a plugin is that plugin's own."""


SILENCE = logging.NullHandler()
"""Keeps a command's own standard error to its sentence; only services write logs."""


class Root(click.Group):
    """Load a command's module when it is called, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our commands, then the plugins'."""
        return [*GROUPS, *(name for name in sorted(_of_plugins()) if name not in GROUPS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or a plugin's."""
        if cmd_name in GROUPS:
            command: click.Command = import_module(f"tertulia.cli.{GROUPS[cmd_name][0]}").command
            return command
        return _of_plugins().get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command is for."""
        plugins = [
            (name, made.get_short_help_str(limit=75)) for name, made in _of_plugins().items() if name not in GROUPS
        ]
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in GROUPS.items()])
        if plugins:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(plugins)


def _of_plugins() -> dict[str, click.Command]:
    # imported here: most commands need no plugin's command
    from tertulia.config import allowed_plugins
    from tertulia.plugins import Plugins

    return dict(Plugins.load(allowed=allowed_plugins()).commands())


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tertulia", message="%(version)s")
def root() -> None:
    """Run a social-cohesion program where people already work.

    Settings are environment variables, see docs/operate.md. Start with `tertulia keys new`, then `tertulia doctor`.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; whatever fails is told in one sentence."""
    try:
        return _main(args)
    finally:
        journal.end()


def _main(args: Sequence[str] | None) -> int:
    logging.getLogger().addHandler(SILENCE)
    try:
        result = root.main(args, prog_name="tertulia", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return 2
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except BrokenPipeError:
        # whoever read our output has had enough; the interpreter must not complain when it flushes
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - open until the process ends
        return 0
    except BaseException as error:
        # imported here: nothing else in `--help` needs it
        from tertulia.cli import outcome

        if not journal.begun():
            journal.begin("ERROR")
        code, sentence = outcome.of(error)
        click.echo(sentence, err=True)
        return code
    return result if isinstance(result, int) else 0
