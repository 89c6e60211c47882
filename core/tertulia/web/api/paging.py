"""Long lists in parts: a cursor says where the next part begins, sealed so that nobody builds on what it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tertulia.domain.identifiers import JsonValue
from tertulia.errors import Refused
from tertulia.storage.vault import Vault
from tertulia.web.api.problems import Fault, Problem

T = TypeVar("T")
MOST = 200
CURSOR = "a cursor of another list, or none; take next of the part before"


class Part(BaseModel):
    """Which part of a list is wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=MOST, description="how many at most")
    cursor: str | None = Field(None, max_length=1000, description="next of the part before; absent for the first")


class Paged(BaseModel, Generic[T]):
    """One part of a list."""

    items: list[T]
    next: str | None = Field(description="the cursor of the part that follows; null at the end")


def opened(vault: Vault, part: Part, *place: str) -> Any | None:
    """Return where the wanted part begins, `None` at the start; *place* names the list."""
    if part.cursor is None:
        return None
    try:
        return vault.open_token(part.cursor, "cursor", *place)
    except Refused:
        raise Problem("invalid", errors=[Fault(field="cursor", code="cursor", detail=CURSOR)]) from None


def cut(
    vault: Vault, items: Sequence[T], part: Part, mark: Callable[[T], JsonValue], *place: str
) -> tuple[Sequence[T], str | None]:
    """Return the wanted part of *items*, and where more follow a cursor made of the *mark* of its last one."""
    shown = items[: part.limit]
    more = len(items) > part.limit
    return shown, vault.token(mark(shown[-1]), "cursor", *place) if more else None
