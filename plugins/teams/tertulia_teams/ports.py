"""Carry rituals in channels and questions in chats; thin, because the connector knows what every answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal
from urllib.parse import quote

from tertulia import (
    Batch,
    Context,
    Id,
    Interaction,
    Json,
    Markup,
    OutcomeUnknown,
    Participation,
    Place,
    Platform,
    Prompt,
    Recipient,
    Ref,
    Reply,
    RetryLater,
    SendError,
    Unreachable,
)
from tertulia_teams import cards
from tertulia_teams.config import PLATFORM, Settings
from tertulia_teams.connector import Connector
from tertulia_teams.directory import TeamsDirectory
from tertulia_teams.graph import Graph
from tertulia_teams.limits import Rates
from tertulia_teams.looks import CardLooks
from tertulia_teams.reach import Reach
from tertulia_teams.references import Reference
from tertulia_teams.texts import phrase
from tertulia_teams.ties import forget_older
from tertulia_teams.tokens import Tokens

BATCH = 100
DEEP_LINK = "https://teams.microsoft.com/l/chat/0/0?users="


class Outbound:
    """Bundle what one installation needs to write to Teams."""

    def __init__(self, context: Context):
        settings: Settings = context.settings
        self.context = context
        self.tokens = Tokens(context)
        self.rates = Rates(context.limiter, settings.tenant_id, settings.rate)
        self.connector = Connector(context, self.tokens, self.rates)
        self.graph = Graph(context, self.tokens, self.rates)
        self.reach = Reach(context, self.connector, self.graph)

    @cached_property
    def platform(self) -> Platform:
        """Return the platform with all ports."""
        return Platform(
            name=PLATFORM,
            ritual=TeamsRituals(self),
            survey=TeamsSurveys(self),
            replies=TeamsReplies(self),
            participation=TeamsParticipation(self),
            directory=TeamsDirectory(self.context, self.connector, self.graph, self.reach),
            preview=CardLooks(),
        )


@dataclass(frozen=True)
class TeamsRituals:
    """Post in channels, group chats and meeting chats."""

    outbound: Outbound

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Show *prompt* in *place*."""
        to = await self.outbound.reach.place(place.ref)
        await self.outbound.reach.carries(place.ref)
        identifier = await self.outbound.connector.send(to, cards.message(prompt, shared=True))
        return str(replace(to, activity=identifier))

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was shown."""
        await self.outbound.connector.update(_reference(ref), cards.message(prompt, shared=True))

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """Replace the posting with the summary, and say so in its thread, so that people notice.

        The replacement comes first: it may be repeated. The word in the thread may not, so nothing follows it.
        """
        at = _reference(ref)
        shown = cards.message(summary, shared=True)
        await self.outbound.connector.update(at, shown)
        if at.channel:
            await self.outbound.connector.send(at.thread(), shown)

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Introduce the members of *group* to each other: each gets, in the own chat, a link to the common one.

        A bot cannot open a group chat. Who was written to is kept under *key*, so that a later attempt goes on.
        """
        store, noted = self.outbound.context.store, f"gather:{key}"
        chats = [await self.outbound.reach.chat(_user(recipient)) for recipient in group]
        done: dict[str, str] = dict(await store.get(noted) or {})
        shown = replace(prompt, body=prompt.body + await self._invitation(chats, prompt.language), link=None)
        for chat in chats:
            if chat.user in done:
                continue
            # noted before it is sent: what may have arrived is not sent again
            await store.put(noted, {**done, chat.user: ""})
            try:
                identifier = await self.outbound.connector.send(chat, cards.message(shown))
            except (OutcomeUnknown, Unreachable):
                identifier = ""
            except SendError:
                await store.put(noted, done)
                raise
            done[chat.user] = str(replace(chat, activity=identifier)) if identifier else ""
            await store.put(noted, done)
        first = next((ref for ref in done.values() if ref), None)
        if first is None:
            raise OutcomeUnknown("nobody of the group was written to for certain")
        return first

    async def _invitation(self, chats: list[Reference], language: str) -> Markup:
        names = []
        for chat in {chat.user: chat for chat in chats}.values():
            member = await self.outbound.connector.member(chat, chat.user)
            if isinstance(name := member.get("userPrincipalName"), str):
                names.append(quote(name, safe="@."))
        label = phrase("together", language)
        return Markup.parse(f"[{label}]({DEEP_LINK}{','.join(names)})")


@dataclass(frozen=True)
class TeamsSurveys:
    """Ask in the chat with one person, where nobody else reads the card or its answer."""

    outbound: Outbound

    @property
    def confidential(self) -> Literal["native", "link", "no"]:
        """Say that a survey is asked by card: its answer is taken in the request and never stored raw."""
        return "native"

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Ask one person; whoever has blocked or removed the app is not written to until they return."""
        user = _user(to)
        try:
            chat = await self.outbound.reach.chat(user)
            identifier = await self.outbound.connector.send(chat, cards.message(prompt))
        except Unreachable:
            await self.outbound.reach.lost(user)
            raise
        return str(replace(chat, activity=identifier, user=user))

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was asked."""
        await self.outbound.connector.update(_reference(ref), cards.message(prompt))

    async def withdraw(self, ref: Ref) -> None:
        """Take the question back."""
        await self.outbound.connector.delete(_reference(ref))


@dataclass(frozen=True)
class TeamsReplies:
    """Answer after the request has ended."""

    outbound: Outbound

    async def reply(self, to: str, reply: Reply) -> None:
        """Replace the card that was answered, or write; what is private goes into the own chat."""
        at = _reference(to)
        if reply.private and not at.personal:
            chat = await self.outbound.reach.chat(at.user) if at.user else None
            if chat is None:
                raise Unreachable("nobody is named to whom the private reply could go")
            await self.outbound.connector.send(chat, cards.reply_message(reply))
            return
        shown = cards.reply_message(reply, shared=not at.personal)
        if reply.prompt is not None and at.activity:
            await self.outbound.connector.update(at, shown)
            return
        await self.outbound.connector.send(at.thread() if at.activity else at, shown)


@dataclass(frozen=True)
class TeamsParticipation:
    """Read who attended the meetings that are places of the program, from Graph's attendance reports."""

    outbound: Outbound

    async def since(
        self, cursor: str | None, places: frozenset[Place]
    ) -> AsyncIterator[Batch[Participation | Interaction]]:
        """Yield the attendance behind *cursor*, by the end of the meeting: a report exists only after it."""
        await self.outbound.reach.carries_only(frozenset(place.ref for place in places))
        # here too: where nobody writes any more, no message would be the occasion
        await forget_older(self.outbound.context)
        found: list[tuple[str, Participation]] = []
        for place in sorted(places, key=lambda place: place.ref):
            if place.kind == "meeting":
                found += await self._attended(place)
        found = sorted((item for item in found if item[0] > (cursor or "")), key=lambda item: item[0])
        for start in range(0, len(found), BATCH):
            part = found[start : start + BATCH]
            yield Batch(tuple(fact for _, fact in part), part[-1][0])

    async def _attended(self, place: Place) -> list[tuple[str, Participation]]:
        known = await self.outbound.reach.meeting(place.ref)
        if known is None:
            return []
        organizer, join = known
        meeting = await self.outbound.graph.online_meeting(organizer, join)
        if meeting is None:
            return []
        found = []
        for report, records in await self.outbound.graph.attendance(organizer, meeting):
            ended = _instant(report.get("meetingEndDateTime"))
            if ended is None:
                continue
            for record in records:
                found += self._facts(place, f"{ended:%Y%m%d%H%M%S}|{report['id']}", record)
        return found

    def _facts(self, place: Place, behind: str, record: Json) -> list[tuple[str, Participation]]:
        user = str((record.get("identity") or {}).get("id") or "").lower()
        if not user:
            return []  # a guest who only typed a name
        facts = []
        for interval in record.get("attendanceIntervals") or ():
            joined, left = _instant(interval.get("joinDateTime")), _instant(interval.get("leaveDateTime"))
            if joined is None:
                continue
            actor = self.outbound.reach.actor(user)
            fact = Participation(actor=actor, place=place, kind="attended", started=joined, ended=left)
            facts.append((f"{behind}|{joined:%Y%m%d%H%M%S.%f}|{user}", fact))
        return facts


def _user(recipient: Recipient) -> str:
    user = recipient.address.get("user")
    if not isinstance(user, str) or not user:
        raise Unreachable("the recipient has no account here")
    return user


def _reference(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError:
        raise Unreachable("the message was not sent from here") from None


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise RetryLater("Graph's report cannot be read") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
