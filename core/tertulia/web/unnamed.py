"""The page on which somebody writes without a name: for feedback, and for questions to the leadership."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tertulia.surveys import redaction
from tertulia.web import pages


def writing(
    request: web.Request,
    template: str,
    *,
    longest: int,
    text: str = "",
    error: str | None = None,
    unspent: bool = True,
    found: Sequence[redaction.Found] = (),
    instead: str = "",
    previewed: bool = False,
) -> web.Response:
    """Show *template*, which fills in `unnamed_write.html`, with what was typed and how it would read.

    *found* is what the text gives away, *instead* the text without it; *unspent* is false once the page was used.
    """
    return pages.render(
        request,
        template,
        status=422 if error else 200,
        path=request.path,
        text=text,
        error=error,
        unspent=unspent,
        style=redaction.STYLE,
        longest=longest,
        found=found,
        instead=instead,
        previewed=previewed,
    )
