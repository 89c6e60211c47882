"""Draw messages of Team Chat as HTML: each list, line and button is a form of its own, as in Zoom's clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

Element = Mapping[str, Any]
STYLES = {"Primary": "primary", "Danger": "danger"}
_MARKDOWN = re.compile(
    r"<(?P<url>https?://[^|>\s]+)\|(?P<label>[^>]+)>|\*(?P<bold>[^*\n]+)\*|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
)


def message(content: Element, *, target: str, hidden: Mapping[str, str]) -> str:
    """Return a message; what is done in it is posted below *target* with the fields *hidden*."""
    head = content.get("head") or {}
    sub = (head.get("sub_head") or {}).get("text", "")
    title = f"<h3>{escape(str(head['text']))}</h3>" if head else ""
    below = f'<p class="sub">{escape(str(sub))}</p>' if sub else ""
    body = "".join(_element(element, target, hidden) for element in content.get("body") or ())
    return f'<div class="card">{title}{below}{body}</div>'


def _element(element: Element, target: str, hidden: Mapping[str, str]) -> str:
    kind = element.get("type")
    if kind == "message":
        return _text(element)
    if kind == "attachments":
        title = element["information"]["title"]["text"]
        return f'<img src="{escape(element["img_url"])}" alt="{escape(title)}">'
    if kind == "select":
        return _select(element, target, hidden)
    if kind == "fields":
        return "".join(_line(item, target, hidden) for item in element["items"])
    if kind == "actions":
        buttons = "".join(
            f'<button class="{STYLES.get(item["style"], "")}" name="value" value="{escape(item["value"])}">'
            f"{escape(item['text'])}</button>"
            for item in element["items"]
        )
        return f'{_form("press", target, hidden)}<div class="actions">{buttons}</div></form>'
    return f"<p>{escape(str(kind))}</p>"


def _text(element: Element) -> str:
    text = str(element["text"])
    if str(element.get("link", "")).startswith("http"):
        link = escape(element["link"])
        return f'<p><a href="{link}" rel="noopener noreferrer" target="_blank">{escape(text)}</a></p>'
    shown = marked(text) if element.get("is_markdown_support") else escape(text)
    small = ' class="small"' if (element.get("style") or {}).get("italic") else ""
    return f"<p{small}>{shown}</p>"


def marked(text: str) -> str:
    """Return *text* with Zoom's markdown made to HTML, everything else escaped."""
    parts, position = [], 0
    for found in _MARKDOWN.finditer(text):
        parts.append(escape(text[position : found.start()]))
        if found["url"]:
            link = f'<a href="{escape(found["url"])}" rel="noopener noreferrer" target="_blank">'
            parts.append(f"{link}{escape(found['label'])}</a>")
        else:
            tag = "strong" if found["bold"] else "em"
            parts.append(f"<{tag}>{escape(found['bold'] or found['italic'])}</{tag}>")
        position = found.end()
    parts.append(escape(text[position:]))
    return "".join(parts)


def _select(element: Element, target: str, hidden: Mapping[str, str]) -> str:
    chosen = (element.get("selected_item") or {}).get("value")
    options = "".join(
        f'<option value="{escape(item["value"])}"{" selected" if item["value"] == chosen else ""}>'
        f"{escape(item['text'])}</option>"
        for item in element["select_items"]
    )
    blank = "" if chosen else '<option value="">Choose…</option>'
    return (
        f"{_form('choose', target, hidden)}<label><span>{escape(element['text'])}</span>"
        f'<select name="value" onchange="this.form.requestSubmit()">{blank}{options}</select></label>'
        "<noscript><button>Choose</button></noscript></form>"
    )


def _line(item: Element, target: str, hidden: Mapping[str, str]) -> str:
    key, value = escape(str(item["key"])), escape(str(item["value"]).strip())
    if not item.get("editable"):
        return f"<p><strong>{key}</strong> {value}</p>"
    return (
        f'{_form("edit", target, hidden)}<input type="hidden" name="key" value="{key}">'
        f'<label><span>{key}</span><span class="line"><textarea name="text" rows="2">{value}</textarea>'
        f'<button aria-label="Save: {key}">✓</button></span></label></form>'
    )


def _form(what: str, target: str, hidden: Mapping[str, str]) -> str:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return f'<form method="post" action="{escape(target)}/{what}">{fields}'
