"""What was adjusted and what followed, in words: before and after, and nothing that claims to know why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tertulia.measures.components import COMPONENTS, Component
from tertulia.measures.recommendations import followed as change_of

_KNOWN: Mapping[str, Component] = {one.key: one for one in COMPONENTS}


def figure(kept: Mapping[str, Any]) -> str:
    """Say what a remembered figure was."""
    component, now = _KNOWN.get(str(kept.get("component"))), kept.get("now")
    if component is None or now is None:
        return "not known"
    low, high = component.words(now["low"]), component.words(now["high"])
    span = "" if now["low"] == now["high"] else f"{low} to {high}, "
    return f"{component.title} {component.words(now['value'])} ({span}{kept['quarter']})"


def followed(seen: Mapping[str, Any], outcome: Mapping[str, Any] | None, judge_at: datetime | None) -> str:
    """Say what the figure was when it was judged, and what changed."""
    if outcome is None:
        return "" if judge_at is None else f"to be judged on {judge_at:%Y-%m-%d}"
    component, changed = _KNOWN.get(str(seen.get("component"))), change_of(seen, outcome)
    if component is None or changed is None:
        return "cannot be told: the figure is not published now"
    risen = changed.direction == "risen"
    if changed.direction == "unclear":
        word = "no clear change"
    else:
        word = "better" if risen == (component.better == "higher") else "worse"
    span = f"between {component.signed(changed.low)} and {component.signed(changed.high)}"
    return f"{figure(outcome)}: {word}, {component.difference(changed.value)}, {span}"
