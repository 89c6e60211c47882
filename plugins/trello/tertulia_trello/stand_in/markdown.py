"""Show Trello's mark-up as HTML: paragraphs, lists, bold, italic, code, links, and escaped signs as they stand."""

from __future__ import annotations

import re
from html import escape

_TOKEN = re.compile(
    r"\\(?P<literal>[\\`*_{}\[\]()#+\-.!<>|~])|`(?P<code>[^`\n]+)`|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*"
    r"|\*(?P<italic>(?:\\.|[^*\\])+)\*|\[(?P<label>(?:\\.|[^\]\\])*)\]\((?P<link>https?://[^)\s]+)\)"
    r"|(?P<mention>(?<!\w)@\w+)|(?P<auto>https?://\S+)"
)


def html(text: str) -> str:
    """Return HTML with everything escaped."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.split("\n")
        if lines and all(line.startswith("- ") for line in lines):
            blocks.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            blocks.append("<p>" + "<br>".join(_inline(line) for line in lines) + "</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    out, position = "", 0
    for match in _TOKEN.finditer(text):
        out += escape(text[position : match.start()]) + _token(match)
        position = match.end()
    return out + escape(text[position:])


def _token(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "literal":
        return escape(match["literal"])
    if kind == "link":
        return f'<a href="{escape(match["link"])}" rel="noopener">{_inline(match["label"])}</a>'
    if kind == "auto":
        return f'<a href="{escape(match["auto"])}" rel="noopener">{escape(match["auto"])}</a>'
    tag = {"bold": "strong", "italic": "em", "code": "code", "mention": "mark"}[kind or "code"]
    inner = match[kind or "code"]
    return f"<{tag}>{escape(inner) if kind in ('code', 'mention') else _inline(inner)}</{tag}>"
