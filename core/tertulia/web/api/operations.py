"""What the API can be asked: one value for each operation, from which routes, checks and description are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.runtime import Runtime
from tertulia.services import handing_over
from tertulia.services.tokens import Caller
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web.api.problems import Problem

ABOVE = "/api/v1"
HOME = "/workspaces/{workspace}"
CSV = "text/csv"
M = TypeVar("M", bound=BaseModel)
Mode: TypeAlias = Literal["read", "write", "outside"]
"""In which transaction a handler runs; `outside` in none, because it waits for others or reads much."""


class Given(BaseModel):
    """What is sent: nothing but what is known, and each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold what is answered; *after* is done once the transaction is committed."""

    document: BaseModel
    etag: str | None = None
    after: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, kw_only=True)
class File:
    """Hold a file that is answered."""

    content: bytes
    media: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """Hold one call: who calls, about which workspace, and what was sent."""

    runtime: Runtime
    caller: Caller
    home: Workspace
    names: Mapping[str, str]
    query: BaseModel
    body: BaseModel | None
    text: bytes
    match: str | None
    open: Tx | None

    @property
    def tx(self) -> Tx:
        """The transaction of the call."""
        if self.open is None:
            raise RuntimeError("this operation runs outside of transactions")
        return self.open

    @property
    def organization(self) -> Id:
        """The organization of the token."""
        return self.home.organization

    @property
    def actor(self) -> str:
        """Under which name the audit log has what is done."""
        return self.caller.token.actor

    async def note(self, verb: str, detail: dict[str, object]) -> None:
        """Enter into the log what an operation outside of transactions has read, before it is answered."""
        async with self.runtime.database.write() as tx:
            await handing_over.note(self.runtime, tx, self.home, self.actor, verb, detail)

    def asked(self, model: type[M]) -> M:
        """Return the query's parameters."""
        return _as(model, self.query)

    def given(self, model: type[M]) -> M:
        """Return the body."""
        return _as(model, self.body)

    def expect(self, etag: str) -> None:
        """Raise unless the caller saw what is there now."""
        if self.match is None:
            raise Problem("version_needed")
        if not {"*", etag} & {one.strip() for one in self.match.split(",")}:
            raise Problem("version_changed")


Handler: TypeAlias = Callable[[Call], Awaitable[Answer | File]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """State an operation; *path* is below `/api/v1`, *versioned* asks for If-Match, *tagged* answers with an ETag.

    *media* is the type of a body that is no JSON, *files* are the types of what is answered where that is a file.
    *seldom* asks for patience: it reads much. An empty *scope* lets every token of the workspace in.
    """

    name: str
    method: Literal["GET", "PUT", "PATCH", "POST"]
    path: str
    summary: str
    about: str
    scope: str
    roles: frozenset[Role]
    handler: Handler
    answers: type[BaseModel] | None
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    media: str | None = None
    mode: Mode = "read"
    versioned: bool = False
    tagged: bool = False
    files: tuple[str, ...] = ()
    seldom: bool = False

    @property
    def access(self) -> Access:
        """Who may ask it."""
        return Access(kind="token", why=self.summary, scope=self.scope, roles=self.roles)

    @property
    def repeatable(self) -> bool:
        """Tell whether it takes an Idempotency-Key."""
        return self.mode == "write" and self.method != "GET"


def name_in(call: Call, name: str, most: int = 64) -> str:
    """Return a name of the path; what cannot be one of ours is found nowhere."""
    value = call.names[name]
    if not value.isprintable() or len(value) > most:
        raise Problem("not_found")
    return value


def found(value: M | None) -> M:
    """Return *value*, or end the request where there is none."""
    if value is None:
        raise Problem("not_found")
    return value


def _as(model: type[M], value: BaseModel | None) -> M:
    if not isinstance(value, model):
        raise Mistake("This operation was declared without what its handler reads.")
    return value
