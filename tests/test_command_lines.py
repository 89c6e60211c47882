"""Every command line that a page shows can be typed: the command and its options exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tertulia.cli import root

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
PAGES += [*(ROOT / "docs" / "tutorials").glob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
INVENTED = {"postbox"}
"""What docs/plugins.md writes as its example; in angles stands what one writes oneself."""
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def command_lines(text: str) -> Iterator[str]:
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.findall(r"^(?:\$ )?(tertulia .*)", line)
    for said in re.findall(r"`(tertulia [^`]+)`", BLOCK.sub("", text)):
        yield " ".join(said.split())


def fault(line: str) -> str | None:
    """Follow the groups down to the command, then look for each option; return what does not exist."""
    words = shlex.split(line.replace("…", "x").replace("`", ""), comments=True)[1:]
    context, found = click.Context(root), root
    if words and (words[0] in INVENTED or words[0].startswith("<")):
        return None
    while isinstance(found, click.Group) and words and not words[0].startswith("-") and words[0] != "COMMAND":
        inner = found.get_command(context, words[0])
        if inner is None:
            return f"there is no {words[0]}"
        context, found, words = click.Context(inner, parent=context), inner, words[1:]
    known = {name for one in found.get_params(context) for name in (*one.opts, *one.secondary_opts)}
    return next((f"there is no {word}" for word in words if re.match(r"--?[a-z]", word) and word not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_can_be_typed(page: Path) -> None:
    told = {line: fault(line) for line in command_lines(page.read_text(encoding="utf-8"))}
    assert {line: why for line, why in told.items() if why is not None} == {}


def test_what_does_not_exist_is_found() -> None:
    assert fault("tertulia rounds list --limit 3") is None
    assert fault("tertulia rounds paint") == "there is no paint"
    assert fault("tertulia rounds list --loud") == "there is no --loud"
