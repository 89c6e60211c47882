"""Read who has an account: Graph's users, guests included, or the rosters of the teams that have the app.

Graph's feed of changes does not tell who joins or leaves a group. So the cursor names the groups' members by a
digest, and the directory is read from the beginning when it is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp

from tertulia import Batch, Context, Json, Member
from tertulia_teams.config import Settings, Worker
from tertulia_teams.connector import Connector
from tertulia_teams.graph import Graph
from tertulia_teams.reach import Reach

ENDPOINT = "/messages"
"""Where the installation's route takes what the connector sends."""
PAGE = 500
WORKERS: dict[str, Worker] = {
    "employee": "employee",
    "contractor": "contractor",
    "consultant": "contractor",
    "vendor": "contractor",
    "freelancer": "freelancer",
}
"""What Graph's employeeType may say, in lower case."""


@dataclass(frozen=True)
class Groups:
    """Hold who works how by group; *mark* is another one when their members are, and empty without groups."""

    workers: Mapping[str, Worker]
    mark: str = ""


class TeamsDirectory:
    """List the tenant's accounts; the last cursor of Graph's feed yields only what has changed since."""

    def __init__(self, context: Context, connector: Connector, graph: Graph, reach: Reach):
        self._context, self._connector, self._graph, self._reach = context, connector, graph, reach
        self._settings: Settings = context.settings

    async def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the accounts behind *cursor*."""
        if self._settings.stand_in is not None:
            await self._tell_stand_in(self._settings.stand_in)
        pages = self._from_graph(cursor) if self._settings.directory == "graph" else self._from_rosters(cursor)
        async for batch in pages:
            yield batch

    async def _from_graph(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        gone = await self._reach.gone()
        chats = frozenset() if self._settings.install else await self._reach.chats()
        groups = await self._groups()
        mark, _, path = (cursor or "").rpartition(" ")
        async for users, behind in self._graph.users(path if mark == groups.mark and path else None):
            found: list[Member] = []
            for user in users:
                identifier = str(user.get("id") or "").lower()
                if not identifier:
                    continue
                if "@removed" in user or user.get("accountEnabled") is False:
                    await self._context.inbox.left(self._reach.actor(identifier), f"left:{behind}:{identifier}")
                    continue
                writable = identifier not in gone and (self._settings.install or identifier in chats)
                found.append(self._user(identifier, user, groups, writable))
            yield Batch(tuple(found), f"{groups.mark} {behind}" if groups.mark else behind)

    async def _groups(self) -> Groups:
        workers: dict[str, Worker] = {}
        for worker, group in self._settings.groups.items():
            for user in await self._graph.group(group):
                workers.setdefault(user, worker)
        if not self._settings.groups:
            return Groups(workers)
        known = "\n".join(f"{user} {workers[user]}" for user in sorted(workers))
        return Groups(workers, hashlib.sha256(known.encode()).hexdigest()[:16])

    async def _from_rosters(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the members of all teams, each person once, by id; at its end it starts over."""
        gone, chats = await self._reach.gone(), await self._reach.chats()
        found: dict[str, Json] = {}
        async for team in self._reach.teams():
            async for accounts, _ in self._connector.members(team):
                found.update((str(one["aadObjectId"]).lower(), one) for one in accounts if one.get("aadObjectId"))
        rest = [user for user in sorted(found) if user > (cursor or "")]
        for start in range(0, len(rest), PAGE):
            page = rest[start : start + PAGE]
            items = tuple(self._account(user, found[user], user in chats and user not in gone) for user in page)
            yield Batch(items, "" if start + PAGE >= len(rest) else page[-1])

    def _user(self, identifier: str, user: Json, groups: Groups, writable: bool) -> Member:
        return Member(
            actor=self._reach.actor(identifier),
            name=str(user.get("displayName") or ""),
            email=user.get("mail") or None,
            directory_id=identifier,
            language=user.get("preferredLanguage") or None,
            worker_type=groups.workers.get(identifier) or self._worker(user, groups),
            team=user.get("department") or None,
            location=user.get("officeLocation") or None,
            address={"user": identifier} if writable else None,
        )

    def _worker(self, user: Json, groups: Groups) -> Worker | None:
        said = WORKERS.get(str(user.get("employeeType") or "").strip().lower())
        if said is not None or user.get("userType") == "Guest":
            return said or self._settings.guests
        # who has left a group of freelancers is one no more
        return "employee" if groups.mark else None

    def _account(self, identifier: str, account: Json, writable: bool) -> Member:
        return Member(
            actor=self._reach.actor(identifier),
            name=str(account.get("name") or ""),
            email=account.get("email") or None,
            directory_id=identifier,
            worker_type=self._settings.guests if account.get("userRole") in {"guest", "anonymous"} else None,
            address={"user": identifier} if writable else None,
        )

    async def _tell_stand_in(self, url: str) -> None:
        """Tell the sandbox where the bot listens, as an admin does in the Azure portal."""
        seconds = aiohttp.ClientTimeout(total=self._settings.timeout)
        body = {"app": self._settings.app_id, "url": self._context.public_url + ENDPOINT}
        try:
            async with self._context.http.put(f"{url}/stand-in/endpoint", json=body, timeout=seconds) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return
