"""Read what was filled in from a message, and change it: a choice, a tick, a line.

What Zoom sends as `original` is our own content, back from somebody's client: nothing is taken for granted in it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import unquote

from tertulia import Json
from tertulia_zoom.messages import BLANK, OFF, ON, OPEN, Content
from tertulia_zoom.messages_text import Element, clipped, shown

MOST = 200
"""Elements of a message that are looked at; ours have some twenty."""


@dataclass(frozen=True)
class Sent:
    """Hold that a button was pressed which sends: its token, and the keys of the text fields in their order."""

    token: str
    written: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Opened:
    """Hold that the form is wanted that is kept under *key*."""

    key: str


@dataclass(frozen=True)
class Chosen:
    """Hold that one option was chosen; where it *toggles*, that it is to be *on* or off, or the other of both."""

    value: str
    toggles: bool = False
    on: bool | None = None


@dataclass(frozen=True)
class Edited:
    """Hold that the line called *label* was rewritten."""

    label: str
    before: str
    text: str


Change: TypeAlias = Chosen | Edited


def pressed(value: object) -> Sent | Opened | Chosen | None:
    """Read the value of a button or a choice; `None` for what is not ours."""
    if not isinstance(value, str) or len(value) > 20_000:
        return None
    what, *parts = value.split(":")
    if what == OPEN and len(parts) == 1 and parts[0].isalnum() and parts[0].isascii() and len(parts[0]) <= 64:
        return Opened(parts[0])
    if what == "plain" and len(parts) == 1 and _token(parts[0]):
        return Sent(parts[0])
    if what == "send" and len(parts) == 2 and _token(parts[0]):
        keys = tuple(unquote(key) for key in parts[1].split(",") if key)
        return Sent(parts[0], keys)
    if what in ("choose", "tick") and len(parts) == 2:
        return Chosen(value, toggles=what == "tick")
    return None


def values(content: object, written: Sequence[str]) -> Json:
    """Return what is filled in; *written* are the keys of the text fields in their order."""
    found: dict[str, Any] = {}
    keys = iter(written)
    for element in _elements(content):
        if element.get("type") == "select":
            chosen = element.get("selected_item")
            key, option = _parts(chosen.get("value") if isinstance(chosen, Mapping) else None, "choose")
            if key:
                found[key] = option
        elif element.get("type") == "actions":
            _take_ticks(element, found)
        elif element.get("type") == "fields":
            for item in _editable(element):
                key = next(keys, "")
                text = item.get("value")
                if key and isinstance(text, str) and text.strip():
                    found[key] = shown(text).strip()
    return found


def changed(content: object, change: Change) -> Content | None:
    """Return *content* with *change* made; `None` where it has no such choice or line."""
    if not isinstance(content, Mapping):
        return None
    made: Content = copy.deepcopy(dict(content))
    if isinstance(change, Edited):
        return made if _edit(made, change) else None
    make = _toggle if change.toggles else _choose
    return made if any(make(element, change) for element in _elements(made)) else None


def settled(content: object, change: Change) -> Change:
    """Return *change*, which was made in *content*, so that making it again changes nothing."""
    if isinstance(change, Edited) or not change.toggles:
        return change
    ticked = (item for element in _elements(content) for item in _items(element) if item.get("value") == change.value)
    return replace(change, on=any(str(item.get("text")).startswith(ON) for item in ticked))


def offers_form(content: object) -> bool:
    """Tell whether something can be filled in."""
    return any(
        element.get("type") == "select"
        or any(True for _ in _editable(element))
        or any(isinstance(item.get("value"), str) and item["value"].startswith("tick:") for item in _items(element))
        for element in _elements(content)
    )


def _token(text: str) -> bool:
    return bool(text) and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def _elements(content: object) -> Iterator[dict[str, Any]]:
    body = content.get("body") if isinstance(content, Mapping) else None
    yield from (element for element in (body if isinstance(body, list) else [])[:MOST] if isinstance(element, dict))


def _items(element: Element) -> Iterator[dict[str, Any]]:
    items = element.get("items")
    yield from (item for item in (items if isinstance(items, list) else [])[:MOST] if isinstance(item, dict))


def _editable(element: Element) -> Iterator[dict[str, Any]]:
    if element.get("type") == "fields":
        yield from (item for item in _items(element) if item.get("editable") is True)


def _parts(value: object, what: str) -> tuple[str, str]:
    parts = value.split(":") if isinstance(value, str) else []
    return (unquote(parts[1]), unquote(parts[2])) if len(parts) == 3 and parts[0] == what else ("", "")


def _take_ticks(element: Element, found: dict[str, Any]) -> None:
    for item in _items(element):
        key, option = _parts(item.get("value"), "tick")
        text = item.get("text")
        on = isinstance(text, str) and text.startswith(ON)
        if key and not option:
            found[key] = on
        elif key and on:
            known = found.setdefault(key, [])
            if isinstance(known, list):
                known.append(option)


def _edit(content: Content, change: Edited) -> bool:
    lines = [item for element in _elements(content) for item in _editable(element)]
    named = [item for item in lines if item.get("key") == change.label]
    # two lines may have one name; then the one that was rewritten is known by what stood there
    same = [item for item in named if str(item.get("value")).strip() == change.before.strip()]
    for item in (same or named)[:1]:
        item["value"] = clipped(shown(change.text)) or BLANK
        return True
    return False


def _choose(element: Element, change: Chosen) -> bool:
    offered = element.get("select_items") if element.get("type") == "select" else None
    for item in (offered if isinstance(offered, list) else [])[:MOST]:
        if isinstance(item, dict) and item.get("value") == change.value:
            element["selected_item"] = dict(item)
            return True
    return False


def _toggle(element: Element, change: Chosen) -> bool:
    for item in _items(element) if element.get("type") == "actions" else ():
        text = item.get("text")
        if item.get("value") == change.value and isinstance(text, str):
            on = not text.startswith(ON) if change.on is None else change.on
            item["text"] = (ON if on else OFF) + text.removeprefix(ON).removeprefix(OFF)
            return True
    return False
