"""Bring groups together in scheduled meetings: a room to meet in, and, in a large group, rooms that are assigned."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tertulia import Id, Json, Markup, OutcomeUnknown, Prompt, Recipient, Ref, SendError, Unreachable
from tertulia_zoom import messages
from tertulia_zoom.chat import Chat
from tertulia_zoom.desk import Desk
from tertulia_zoom.messages_phrases import phrase
from tertulia_zoom.messages_text import line

GATHERING = "gather:"
REF = "meeting|"
LONGEST = timedelta(days=92)
"""How long it is known who was invited."""
TOGETHER = 4
"""People who talk in one room; more are parted."""
MINUTES = 30
TOPIC = 200
MOST_ROOMS = 50
ANY_TIME = 3
"""The type of a meeting that has no fixed time: its members choose one."""
FIXED = 2


class Scheduling:
    """Schedule meetings for one installation, in the name of the user that the settings name."""

    def __init__(self, desk: Desk, chat: Chat):
        self._desk, self._chat = desk, chat

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Invite each member of *group*, in the own chat, to a meeting that is theirs.

        `None` where no scheduling user is set or the bot is missing. Who was invited is kept under *key*, so that a
        later attempt goes on with the same meeting and asks nobody twice.
        """
        settings = self._desk.settings
        if settings.scheduler is None or settings.app is None or settings.app.robot_jid is None:
            return None
        noted, jids = f"{GATHERING}{key}", [await self._chat.address(one) for one in group]
        kept = await self._desk.context.store.get(noted)
        if kept is None:
            await self._forget_old()
            made = await self._made(prompt, group)
            at = self._desk.context.clock.now().isoformat()
            kept = {"number": str(made["id"]), "join": str(made["join_url"]), "invited": {}, "at": at}
            await self._desk.context.store.put(noted, kept)
        if not await self._invited(jids, prompt, kept, noted):
            raise OutcomeUnknown("nobody of the group was written to for certain")
        return f"{REF}{kept['number']}"

    async def schedule(
        self, topic: str, start: datetime | None, *, minutes: int = MINUTES, rooms: Sequence[Sequence[str]] = ()
    ) -> Json:
        """Schedule a meeting and return it; without a *start* its members choose a time.

        *rooms* are the e-mails of those who begin in one breakout room. Only a scheduled meeting can have rooms
        assigned before it, and polls.
        """
        scheduler = self._desk.settings.scheduler
        if scheduler is None:
            raise Unreachable("no scheduling user is set")
        settings: dict[str, Any] = {"join_before_host": True, "jbh_time": 0, "waiting_room": False}
        if rooms:
            named = [{"name": f"{number}", "participants": list(room)} for number, room in enumerate(rooms, 1)]
            settings["breakout_room"] = {"enable": True, "rooms": named[:MOST_ROOMS]}
        body = {"topic": line(topic, TOPIC), "type": ANY_TIME if start is None else FIXED, "duration": minutes}
        at = start or self._desk.context.clock.now()
        made = await self._desk.account.create_meeting(scheduler, {**body, "settings": settings}, at)
        join = made.get("join_url")
        if not made.get("id") or not isinstance(join, str) or not join.startswith("https://"):
            raise OutcomeUnknown("Zoom answered without the meeting's address")
        return made

    async def _made(self, prompt: Prompt, group: Sequence[Recipient]) -> Json:
        rooms: list[list[str]] = []
        if len(group) > TOGETHER:
            emails = [await self._email(one) for one in group]
            rooms = [known for part in parted(emails, TOGETHER) if (known := [email for email in part if email])]
        return await self.schedule(prompt.title, None, rooms=rooms)

    async def _invited(self, jids: Sequence[str], prompt: Prompt, kept: Mapping[str, Any], noted: str) -> bool:
        """Write to whom it was not written yet; tell whether anybody was written to for certain."""
        store = self._desk.context.store
        label = f"[{phrase('together', prompt.language)}]({kept['join']})"
        shown = replace(prompt, body=prompt.body + Markup.parse(label), link=None)
        invited: dict[str, bool] = dict(kept["invited"])
        for jid in jids:
            # an address is personal, and knowing it again is enough
            name = hashlib.sha256(jid.encode()).hexdigest()[:16]
            if name in invited:
                continue
            # noted before it is sent: what may have arrived is not sent again
            await store.put(noted, {**kept, "invited": {**invited, name: False}})
            try:
                await self._chat.send(jid, messages.question(shown))
                invited[name] = True
            except (OutcomeUnknown, Unreachable):
                invited[name] = False
            except SendError:
                await store.put(noted, {**kept, "invited": invited})
                raise
            await store.put(noted, {**kept, "invited": invited})
        return any(invited.values())

    async def _forget_old(self) -> None:
        store, before = self._desk.context.store, self._desk.context.clock.now() - LONGEST
        async for name, kept in store.scan(GATHERING):
            if datetime.fromisoformat(kept["at"]) < before:
                await store.delete(name)

    async def _email(self, to: Recipient) -> str:
        """Return the e-mail that Zoom knows of a member; who has none chooses a room in the meeting."""
        user = to.address.get("user")
        if not isinstance(user, str):
            return ""
        email = (await self._desk.account.user(user)).get("email")
        return email if isinstance(email, str) else ""


def parted(people: Sequence[str], most: int) -> list[list[str]]:
    """Part *people* into as few groups of at most *most* as there can be, of nearly equal size, in their order."""
    count = -(-len(people) // most)
    return [list(people[n * len(people) // count : (n + 1) * len(people) // count]) for n in range(count)]
