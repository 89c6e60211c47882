"""How figures are computed: `docs/measures.md` as a page, so that every figure can lead to its formula."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from aiohttp import web
from markdown_it import MarkdownIt
from markupsafe import Markup as Safe

from tertulia.extension import Access
from tertulia.web import pages
from tertulia.web.access import register

PACKED = files("tertulia.measures") / "measures.md"
"""Where a wheel has the page; in a working copy it is among the other pages for readers."""
WRITTEN = Path(__file__).parents[3] / "docs" / "measures.md"


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", "/measures", show, Access(kind="public", why="formulas and sources, nobody's figures"))


async def show(request: web.Request) -> web.Response:
    """Show the formulas."""
    return pages.render(request, "formulas.html", text=rendered())


@cache
def source() -> str:
    """Return the page as it was written."""
    return PACKED.read_text(encoding="utf-8") if PACKED.is_file() else WRITTEN.read_text(encoding="utf-8")


@cache
def rendered() -> str:
    """Return the page as HTML, each heading under the anchor that figures name."""
    # raw HTML in the page stays text
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(source())
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(tokens[place + 1].content))
        elif token.type == "table_open":
            token.attrSet("class", "plain-table")
    return Safe(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - our own page, rendered without HTML


def anchor(heading: str) -> str:
    """Name a heading as hosts of repositories do: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
