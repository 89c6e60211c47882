"""Write what a panel shows as JSON: texts as our own markup, never as a stranger's HTML."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from tertulia import Counts, Field, Prompt, Reply, Standing

View: TypeAlias = dict[str, Any]


def counts(now: Counts, *, shared: bool) -> View:
    """Write how the round stands; what was shared is for the workspace's members."""
    turn, asked = now.turn, now.question
    return {
        "state": now.state,
        "present": now.present,
        "guests": now.guests,
        "answered": now.answered,
        "passed": now.passed,
        "shared": list(now.shared) if shared else [],
        "groups": now.groups,
        "apart": now.apart,
        "turn": turn and {"number": turn.number, "of": turn.of, "ends": turn.ends and _milliseconds(turn.ends)},
        "question": asked
        and {"number": asked.number, "of": asked.of, "ends": _milliseconds(asked.ends), "closed": asked.closed},
    }


def standing(mine: Standing) -> View:
    """Write how one participant stands."""
    return {
        "member": mine.member,
        "answered": mine.answered,
        "turn": mine.turn,
        "group": mine.group,
        "groupSize": mine.group_size,
    }


def prompt(shown: Prompt) -> View:
    """Write a question or a summary; its buttons are verbs, the tokens stay with us."""
    return {
        "title": shown.title,
        "body": shown.body.html(),
        "text": shown.body.plain(),
        "recorded": shown.recorded,
        "language": shown.language,
        "fields": [_field(field) for field in shown.fields],
        "actions": [{"verb": action.verb, "label": action.label, "style": action.style} for action in shown.actions],
    }


def _field(field: Field) -> View:
    return {
        "key": field.key,
        "kind": field.kind,
        "label": field.label,
        "hint": field.hint,
        "required": field.required,
        "ends": list(field.ends) if field.ends else None,
        "options": [{"value": option.value, "label": option.label} for option in field.options],
        "value": list(field.value) if isinstance(field.value, tuple) else field.value,
    }


def reply(said: Reply) -> View:
    """Write what became of an answer."""
    return {"status": said.status, "text": said.text.plain() if said.text else ""}


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
