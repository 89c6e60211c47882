"""A program that shows a token, beside the two organizations of the other web tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tertulia.services import tokens

MakeToken = Callable[..., Awaitable[str]]


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass
class Program:
    """Call the API as a program does: with a token, without cookies."""

    site: Any
    token: str
    workspace: str
    base: str

    async def __call__(
        self, method: str, path: str, document: Any = None, *, content: bytes | None = None, **headers: str
    ) -> Answered:
        """Call *path*, below the workspace where it does not begin with a slash."""
        url = path if path.startswith("/") else f"/api/v1/workspaces/{self.workspace}/{path}".rstrip("/")
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): it for name, it in headers.items()},
        }
        body: dict[str, Any] = {"data": content} if content is not None else {"json": document} if document else {}
        async with self.site.client.request(method, self.base + url, headers=sent, **body) as answer:
            return Answered(answer.status, answer.headers, await answer.json(content_type=None))


@pytest.fixture
def make_token() -> MakeToken:
    """Make a token of a tenant for one of its persons, with all scopes that person may have or with *scopes*."""

    async def made(
        site: Any, tenant: Any, who: str = "owner", scopes: Collection[str] | None = None, days: int = 30
    ) -> str:
        wanted = [one for one in tokens.SCOPES if who == "owner" or one != "read:audit"] if scopes is None else scopes
        async with site.runtime.database.write() as tx:
            _, text = await tokens.create(
                site.runtime,
                tx,
                organization=tenant.organization,
                workspace=tenant.workspace,
                person=tenant.persons[who],
                name=f"of {who}",
                scopes=wanted,
                days=days,
                now=site.wall.now(),
                actor="test",
            )
        return text

    return made


@pytest.fixture
def program(make_token: MakeToken) -> Callable[..., Awaitable[Program]]:
    """Return a program with a token of a tenant."""

    async def made(site: Any, tenant: Any, who: str = "owner", scopes: Collection[str] | None = None) -> Program:
        return Program(site, await make_token(site, tenant, who, scopes), tenant.workspace, site.base)

    return made
