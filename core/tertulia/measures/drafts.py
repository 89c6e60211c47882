"""Drafts: a program's document with what a recommendation would change in it, comments and order kept."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date, timedelta
from typing import Any

import tomlkit

from tertulia.measures.recommendations import Addition, Edit, Rule

Table = MutableMapping[str, Any]


def draft(document: str, rule: Rule, *, today: date, zone: str) -> str | None:
    """Return *document* as *rule* would have it; `None` where there is nothing in the program to change.

    It is no program yet: whoever wants it reads it, and puts it into force.
    """
    parsed = tomlkit.parse(document)
    practices = [one for one in parsed.get("practice", ()) if isinstance(one, MutableMapping)]
    changed = [_edit(one, edit) for edit in rule.edit for one in practices if _meant(one, edit)]
    text = tomlkit.dumps(parsed) if any(changed) else document
    if rule.add is not None and not any(one.get("kind") == rule.add.unless for one in practices):
        taken = {str(one.get("key")) for one in practices}
        text = "\n\n".join(filter(None, [text.rstrip(), _practice(rule, rule.add, taken, today, zone)]))
    return None if text == document or not _readable(text) else text


def _practice(rule: Rule, addition: Addition, taken: set[str], today: date, zone: str) -> str:
    key = next(name for name in (rule.key, *(f"{rule.key}-{n}" for n in range(2, 300))) if name not in taken)
    start = today + timedelta(days=14 - today.weekday())

    def later(found: re.Match[str]) -> str:
        return (start + timedelta(weeks=int(found[1]))).isoformat()

    text = addition.text.replace("{key}", key).replace("{start}", start.isoformat()).replace("{zone}", zone)
    return re.sub(r"\{\+(\d{1,2})\}", later, text).lstrip()


def _readable(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False  # a list of inline tables takes no [[practice]] after it
    return True


def _meant(practice: Mapping[str, Any], edit: Edit) -> bool:
    kind = str(practice.get("kind", ""))
    if (edit.kind and kind != edit.kind) or kind in edit.but:
        return False
    return all(str(_at(practice, path) or "") in wanted for path, wanted in edit.where.items())


def _edit(practice: Table, edit: Edit) -> bool:
    done = [_put(practice, path, value) for path, value in edit.set.items() if _at(practice, path) != value]
    for path, least in edit.least.items():
        if _number(practice, path) is None or (_number(practice, path) or 0) < least:
            done.append(_put(practice, path, least))
    for path, most in edit.most.items():
        now = _number(practice, path)
        if now is None or now > most:
            done.append(_put(practice, path, int(most)))
    done += [_include(practice, path, values) for path, values in edit.include.items()]
    done += [_drop(practice, path) for path in edit.drop]
    if edit.halve:
        done.append(_halve(practice))
    return any(done)


def _at(practice: Mapping[str, Any], path: str) -> Any:
    found: Any = practice
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def _number(practice: Mapping[str, Any], path: str) -> float | None:
    found = _at(practice, path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _put(practice: Table, path: str, value: object) -> bool:
    *above, name = path.split(".")
    table = practice
    for part in above:
        if part not in table:
            table[part] = tomlkit.inline_table()
        table = table[part]
    table[name] = value
    return True


def _include(practice: Table, path: str, values: Sequence[str]) -> bool:
    listed = _at(practice, path)
    missing = [one for one in values if one not in listed] if isinstance(listed, list) and listed else []
    for one in missing:
        listed.append(one)
    return bool(missing)


def _drop(practice: Table, path: str) -> bool:
    *above, name = path.split(".")
    table = _at(practice, ".".join(above)) if above else practice
    if not isinstance(table, MutableMapping) or name not in table:
        return False
    del table[name]
    return True


def _halve(practice: Table) -> bool:
    """Let a recurrence rule occur half as often."""
    rule = str(_at(practice, "cadence.rule") or "")
    if "FREQ=" not in rule:
        return False
    found = re.search(r"INTERVAL=(\d+)", rule)
    doubled = f"INTERVAL={2 * int(found[1])}" if found else "INTERVAL=2"
    if found:
        return _put(practice, "cadence.rule", rule.replace(found[0], doubled))
    return _put(practice, "cadence.rule", re.sub(r"(FREQ=[A-Z]+)", rf"\1;{doubled}", rule))
