"""Read what came back from a form, whatever the platform made of it."""

from __future__ import annotations

from collections.abc import Iterable

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Field
from tertulia.errors import Mistake
from tertulia.wording import words


def text(values: Json, field: Field, longest: int) -> str | None:
    """Return the text given for *field*, `None` where there is none; raises `Mistake` where it is too long."""
    given = values.get(field.key)
    if given is None or isinstance(given, bool):
        return None
    # neither a NUL nor half a character can be stored everywhere
    written = str(given).replace("\x00", "").encode(errors="ignore").decode().strip()
    if len(written) > longest:
        say = words()
        raise Mistake(
            say(
                "“{label}” has room for {longest} characters; shorten it by {more}.",
                label=field.label,
                longest=longest,
                more=len(written) - longest,
            )
        )
    return written or None


def choice(values: Json, field: Field) -> str | None:
    """Return the option chosen for *field*, `None` where there is none; raises `Mistake` for an unknown one."""
    given = values.get(field.key)
    if given is None or given == "":
        return None
    # some platforms return a single choice as a list, a point of a scale as a number
    chosen = str(given[0]) if isinstance(given, list | tuple) and len(given) == 1 else str(given)
    if chosen not in {option.value for option in field.options}:
        say = words()
        raise Mistake(
            say("“{label}” does not offer that; choose one of: {options}.", label=field.label, options=_listed(field))
        )
    return chosen


def choices(values: Json, field: Field) -> tuple[str, ...]:
    """Return the options chosen for *field* in their order; raises `Mistake` for an unknown one."""
    given = values.get(field.key)
    # some platforms return several choices as one text with commas
    several = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else ()
    chosen = {str(one).strip() for one in several} - {""}
    if chosen - {option.value for option in field.options}:
        say = words()
        raise Mistake(
            say("“{label}” does not offer that; choose among: {options}.", label=field.label, options=_listed(field))
        )
    return tuple(option.value for option in field.options if option.value in chosen)


def _listed(field: Field) -> str:
    labels: Iterable[str] = (option.label for option in field.options)
    return ", ".join(labels)
