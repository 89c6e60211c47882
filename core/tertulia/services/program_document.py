"""A program as a TOML document: read it, and say for every fault what is wrong, where, and how to mend it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, Protocol, get_args

from pydantic import BaseModel, ValidationError

from tertulia.domain.people import Place
from tertulia.domain.programs import Audience, Cadence, Moment, Practice, Program
from tertulia.domain.prompts import Privacy
from tertulia.errors import Mistake
from tertulia.services.program_tables import PracticeTable, ProgramTable, plain
from tertulia.services.toml_lines import Path, line_of, locate
from tertulia.traits import Traits

LARGEST = 256 * 1024
"""Characters of a document."""


class Kind(Protocol):
    """Know a kind's privacy and the model of its options: every `tertulia.extension.RitualKind` does."""

    @property
    def privacy(self) -> Privacy:
        """Return whether answers carry their giver's name."""
        ...

    @property
    def options(self) -> type[BaseModel]:
        """Return the model."""
        ...


class Kinds(Protocol):
    """Know the kinds of rituals: `tertulia.plugins.Plugins` does."""

    def ritual(self, kind: str) -> Kind:
        """Return a kind; raises `Mistake` where it is unknown."""
        ...


@dataclass(frozen=True, order=True)
class Fault:
    """Hold one fault of a document: its line, the key and a sentence."""

    line: int
    key: str
    sentence: str

    def __str__(self) -> str:
        where = f"Line {self.line}, {self.key}" if self.key else f"Line {self.line}"
        return f"{where}: {self.sentence}"


class ProgramMistake(Mistake):
    """Refuse a document; the text has one line for each of *errors*, in the order of the document."""

    def __init__(self, errors: Sequence[Fault]):
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(map(str, self.errors)))


def parse(text: str, *, version: int, plugins: Kinds | None = None, zone: str = "UTC") -> Program:
    """Read *text* as a program; raises `ProgramMistake` with all faults.

    *plugins* checks kinds and their options too. *zone* is meant where a common time names none.
    """
    data = _load(text)
    errors = list(_unstorable(data, ()))
    table = None
    try:
        table = ProgramTable.model_validate(data)
    except ValidationError as error:
        errors += _sentences(error, ProgramTable, ())
    practices = data.get("practice")
    tables = [item for item in practices if isinstance(item, dict)] if isinstance(practices, list) else []
    errors += _duplicates(tables)
    if plugins is not None:
        errors += [fault for index, item in enumerate(tables) for fault in _kind_faults(plugins, index, item)]
    if errors or table is None:
        lines = locate(text.removeprefix("\ufeff"))
        raise ProgramMistake(
            [Fault(line_of(lines, path), _one_line(_name(path, data)), _one_line(said)) for path, said in errors]
        )
    return Program(
        version=version,
        practices=tuple(_practice(practice, zone) for practice in table.practice),
        message_budget=table.message_budget,
    )


def _load(text: str) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise ProgramMistake([Fault(1, "", f"The document is longer than {LARGEST} characters; split the program.")])
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        said, _, where = str(error).partition(" (at ")
        found = re.search(r"line (\d+), column (\d+)", where)
        line = int(found[1]) if found else text.count("\n") + 1
        column = f"column {found[2]}" if found else "the end"
        raise ProgramMistake([Fault(line, column, f"This is not TOML: {said[:1].lower()}{said[1:]}.")]) from None
    except RecursionError:
        raise ProgramMistake([Fault(1, "", "The document is nested too deeply; write plain tables.")]) from None


def _unstorable(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            yield path, "a key contains the character NUL; take it out."
        for key, item in value.items():
            yield from _unstorable(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable(item, (*path, index))
    elif isinstance(value, str) and "\0" in value:
        yield path, "the text contains the character NUL; take it out."
    elif isinstance(value, float) and not isfinite(value):
        yield path, f"{value} is no number that can be kept; write a finite one."


def _duplicates(tables: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Path, str]]:
    first: dict[str, int] = {}
    for index, table in enumerate(tables):
        key = table.get("key")
        if isinstance(key, str) and first.setdefault(key, index) != index:
            yield (
                ("practice", index, "key"),
                f'practice {first[key] + 1} has the key "{key}" already; give this one another.',
            )


def _kind_faults(plugins: Kinds, index: int, table: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    kind, options = table.get("kind"), table.get("options", {})
    if not isinstance(kind, str) or not kind:
        return
    try:
        known = plugins.ritual(kind)
    except Mistake as mistake:
        yield ("practice", index, "kind"), str(mistake)
        return
    if known.privacy == "confidential" and table.get("ask", "each") != "each":
        yield ("practice", index, "ask"), 'a survey is asked privately, never in a shared place; write ask = "each".'
    if known.privacy != "confidential" and "moment" in table:
        yield ("practice", index, "moment"), "only a survey is asked at a moment of each person's own; leave it out."
    yield from _group_faults(known, index, table)
    if Traits.of(known).unplanned:
        yield ("practice", index, "kind"), f"rounds of kind {kind} are opened when they are needed; leave it out."
    if Traits.of(known).opt_in_only and table.get("join", "all") != "opt-in":
        yield ("practice", index, "join"), f'a practice of kind {kind} asks only who joined; write join = "opt-in".'
    model = known.options
    try:
        if isinstance(options, dict):
            model.model_validate(plain(options))
    except ValidationError as error:
        yield from _sentences(error, model, ("practice", index, "options"))
    except Exception as error:
        said = f"the kind {kind} failed to check its options ({type(error).__name__}); tell its author."
        yield ("practice", index, "options"), said


def _group_faults(kind: Kind, index: int, table: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Refuse what would tell who is in a group, or make one a part of a report."""
    audience = table.get("audience")
    if not isinstance(audience, dict) or not audience.get("groups"):
        return
    where: Path = ("practice", index, "audience", "groups")
    if kind.privacy == "confidential":
        yield where, "a group is never part of a report, so no survey can be for one; leave it out."
    if table.get("ask", "each") != "each" or table.get("places"):
        yield where, 'a group\'s practices are carried by no shared place; write ask = "each" and no places.'


def _sentences(error: ValidationError, model: type[BaseModel], above: Path) -> Iterator[tuple[Path, str]]:
    for detail in error.errors(include_url=False):
        yield (*above, *detail["loc"]), _sentence(detail, _fields(model, detail["loc"]))


def _sentence(detail: Any, known: tuple[str, ...]) -> str:
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    match detail["type"]:
        case "mistake":
            return str(detail["ctx"]["sentence"])
        case "missing":
            return f"{name} is missing; add it."
        case "extra_forbidden":
            return f'"{name}" is unknown; {_cure(name, known)}'
        case "literal_error":
            choices = tuple(re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
            return f"{detail['input']!r} is not possible; {_cure(str(detail['input']), choices)}"
        case "string_pattern_mismatch":
            return f"{detail['input']!r} is not possible; use lower-case letters, digits and hyphens only."
        case _:
            said = detail["msg"].removeprefix("Value error, ").rstrip(".")
            return f"{said[:1].lower()}{said[1:]}, but it is {_shown(detail['input'])}; correct it."


def _cure(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"write one of {', '.join(known)}." if known else "leave it out."


def _shown(value: object) -> str:
    text = repr(plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


def _fields(model: type[BaseModel] | None, path: Path) -> tuple[str, ...]:
    """Return the keys that are known in the table around the last part of *path*."""
    for part in path[:-1]:
        if model is None or isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _model_within(field.annotation) if field else None
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_within, get_args(annotation)) if model), None)


def _name(path: Path, data: Mapping[str, Any]) -> str:
    if path[:1] != ("practice",) or len(path) < 2 or not isinstance(path[1], int):
        return ".".join(map(str, path))
    table = data["practice"][path[1]]
    key = table.get("key") if isinstance(table, dict) else None
    shown = f'practice "{key}"' if isinstance(key, str) else f"practice {path[1] + 1}"
    return f"{shown} {_dotted(path[2:])}".rstrip()


def _dotted(path: Path) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _practice(table: PracticeTable, zone: str) -> Practice:
    cadence = table.cadence
    where = cadence.zone or (zone if cadence.time == "common" else "UTC")
    return Practice(
        key=table.key,
        kind=table.kind,
        title=table.title,
        cadence=Cadence(rule=cadence.rule, start=cadence.start, time=cadence.time, zone=where),
        audience=Audience(**{name: tuple(values) for name, values in table.audience}),
        ask=table.ask,
        places=tuple(Place(platform=place.platform, ref=place.ref, kind=place.kind) for place in table.places),
        open_for=table.open_for,
        reminders=tuple(table.reminders),
        options=plain(table.options),
        join=table.join,
        moment=Moment(table.moment.event, table.moment.after) if table.moment else None,
    )
