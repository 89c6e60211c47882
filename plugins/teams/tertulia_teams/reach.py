"""Know how to write to people and places: conversation references, kept in the sealed store."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tertulia import Actor, Context, Json, OperatorError, Place, SendError, Unreachable
from tertulia_teams.config import PLATFORM, Settings
from tertulia_teams.connector import Connector
from tertulia_teams.graph import Graph
from tertulia_teams.references import Reference, place_of

KNOWN = 20_000
LONGEST = 280
"""Characters of a place's name that are stored; Teams' own have fewer than a hundred."""
MINUTE = 60.0


class Reach:
    """Find the chat with a person, made once and remembered, and the service that carries a place."""

    def __init__(self, context: Context, connector: Connector, graph: Graph):
        self._context, self._connector, self._graph = context, connector, graph
        self._settings: Settings = context.settings
        self._known: OrderedDict[str, Reference] = OrderedDict()
        self._carrying: dict[str, tuple[bool, float]] = {}

    async def chat(self, user: str) -> Reference:
        """Return the chat with a person; without one it is made, and the app is installed for them before that."""
        key = f"chat:{user}"
        if (known := self._known.get(key)) is not None:
            return known
        kept = await self._context.store.get(key)
        if kept is None:
            made = await self._made(user)
            await self._context.store.put(key, {"service": made.service_url, "conversation": made.conversation})
        else:
            made = Reference(service_url=kept["service"], conversation=kept["conversation"], user=user)
        return self._remember(key, made)

    async def place(self, ref: str) -> Reference:
        """Return the conversation of a shared place."""
        key = f"place:{ref}"
        if (known := self._known.get(key)) is not None:
            return known
        kept = await self._context.store.get(key)
        service = kept["service"] if kept else self._settings.endpoints.service_url
        if service is None:
            raise OperatorError("in this cloud the app must be added to the team before it can write there")
        return self._remember(key, Reference(service_url=service, conversation=ref))

    async def installed(self, activity: Json) -> None:
        """Remember where *activity* came from; after a personal one its sender can be written to."""
        service, conversation = str(activity["serviceUrl"]), str(activity["conversation"]["id"])
        if not self._settings.endpoints.trusts(service):
            return
        place = place_of(activity)
        if place is not None:
            await self._keep(f"place:{place.ref}", {"service": service})
            await self._remember_team(activity, service)
            return
        user = str((activity.get("from") or {}).get("aadObjectId") or "").lower()
        if user:
            await self._keep(f"chat:{user}", {"service": service, "conversation": conversation})
            if await self._context.store.get(f"gone:{user}") is not None:
                await self._context.store.delete(f"gone:{user}")
            await self._context.inbox.reachable(self.actor(user), {"user": user})

    async def uninstalled(self, activity: Json) -> None:
        """Forget the conversation: from now on nobody is written to there."""
        place = place_of(activity)
        if place is not None:
            self._known.pop(f"place:{place.ref}", None)
            await self._context.store.delete(f"place:{place.ref}")
            await self._context.store.delete(f"team:{place.ref}")
            return
        user = str((activity.get("from") or {}).get("aadObjectId") or "").lower()
        if user:
            await self.lost(user)
            await self._context.inbox.reachable(self.actor(user), None)

    async def heard(self, activity: Json) -> None:
        """Remember the chat with who wrote to the bot, where nobody told us that they have the app."""
        user = str((activity.get("from") or {}).get("aadObjectId") or "").lower()
        if user and place_of(activity) is None and await self._context.store.get(f"chat:{user}") is None:
            await self.installed(activity)

    async def installed_by_us(self, user: str) -> bool:
        """Tell once whether we installed the app for a person, who is about to be asked and need not be greeted."""
        key = f"installing:{user}"
        if await self._context.store.get(key) is None:
            return False
        await self._context.store.delete(key)
        return True

    async def lost(self, user: str) -> None:
        """Note that a person blocked or uninstalled the app; the directory reports no address until they return."""
        self._known.pop(f"chat:{user}", None)
        await self._context.store.delete(f"chat:{user}")
        await self._context.store.put(f"gone:{user}", True)

    async def gone(self) -> frozenset[str]:
        """Return who cannot be written to."""
        return frozenset([key.removeprefix("gone:") async for key, _ in self._context.store.scan("gone:")])

    async def chats(self) -> frozenset[str]:
        """Return with whom there is a chat."""
        return frozenset([key.removeprefix("chat:") async for key, _ in self._context.store.scan("chat:")])

    async def teams(self) -> AsyncIterator[Reference]:
        """Yield the teams that have the app, in a stable order."""
        async for key, kept in self._context.store.scan("team:"):
            yield Reference(service_url=kept["service"], conversation=key.removeprefix("team:"))

    async def carries(self, ref: str) -> None:
        """Note that a practice registered a place: something of it was posted there."""
        if len(ref) <= LONGEST and not await self._carried(ref):
            await self._context.store.put(f"carried:{ref}", True)
        self._carrying[ref] = (True, time.monotonic())

    async def carries_only(self, refs: frozenset[str]) -> None:
        """Note all the places that practices registered; others are no more."""
        known = {key.removeprefix("carried:") async for key, _ in self._context.store.scan("carried:")}
        for ref in sorted(refs - known):
            await self.carries(ref)
        for ref in sorted(known - refs):
            await self._context.store.delete(f"carried:{ref}")
        self._carrying.clear()

    async def carried(self, place: Place) -> bool:
        """Tell whether a practice registered the place, as far as was heard within the last minute."""
        known = self._carrying.get(place.ref)
        if known is None or time.monotonic() - known[1] > MINUTE:
            if len(self._carrying) >= KNOWN:
                self._carrying.clear()
            known = self._carrying[place.ref] = (await self._carried(place.ref), time.monotonic())
        return known[0]

    async def _carried(self, ref: str) -> bool:
        return len(ref) <= LONGEST and await self._context.store.get(f"carried:{ref}") is not None

    async def meeting_seen(self, activity: Json) -> None:
        """Remember a meeting's organizer and address when it starts: its attendance is asked for by them."""
        place, join = place_of(activity), str((activity.get("value") or {}).get("JoinUrl") or "")
        organizer = organizer_of(join)
        if place is not None and organizer is not None:
            await self._keep(f"meeting:{place.ref}", {"organizer": organizer, "join": join})

    async def meeting(self, ref: str) -> tuple[str, str] | None:
        """Return a meeting's organizer and address, once it was seen."""
        kept = await self._context.store.get(f"meeting:{ref}")
        return None if kept is None else (kept["organizer"], kept["join"])

    async def knows_meetings(self) -> bool:
        """Tell whether a meeting was seen whose attendance is asked for."""
        async for _ in self._context.store.scan("meeting:"):
            return True
        return False

    def actor(self, user: str) -> Actor:
        """Return the account with this AAD object id."""
        return Actor(platform=PLATFORM, realm=self._settings.tenant_id, user=user)

    async def _made(self, user: str) -> Reference:
        try:
            return await self._connector.create(user)
        except Unreachable:
            if not self._settings.install or self._settings.directory == "roster":
                raise
        # noted before, because Teams tells the bot of the installation while Graph still answers
        await self._context.store.put(f"installing:{user}", True)
        try:
            await self._graph.install(user)
        except SendError:
            await self._context.store.delete(f"installing:{user}")
            raise
        return await self._connector.create(user)

    async def _remember_team(self, activity: Json, service: str) -> None:
        team = (activity.get("channelData") or {}).get("team") or {}
        identifier = team.get("id") if isinstance(team, dict) else None
        if isinstance(identifier, str) and identifier.startswith("19:"):
            await self._keep(f"team:{identifier}", {"service": service})

    async def _keep(self, key: str, value: dict[str, Any]) -> None:
        if len(key) <= 300 and await self._context.store.get(key) != value:
            await self._context.store.put(key, value)
        self._known.pop(key, None)

    def _remember(self, key: str, made: Reference) -> Reference:
        self._known[key] = made
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return made


def organizer_of(join_url: str) -> str | None:
    """Read the organizer's AAD object id from a meeting's address."""
    try:
        context = parse_qs(urlsplit(join_url).query).get("context", [""])[0]
        value = json.loads(unquote(context))
        organizer = value.get("Oid") or value.get("oid")
    except (ValueError, AttributeError, RecursionError):
        return None
    return organizer.lower() if isinstance(organizer, str) and organizer else None
