"""Read boards: answers on ritual cards first, then what happened since the cursor, oldest first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from tertulia import (
    Batch,
    Command,
    Interaction,
    Json,
    OutcomeUnknown,
    Participation,
    Place,
    Reply,
    RetryLater,
    SendError,
    parse_command,
)
from tertulia_trello import actions, replies
from tertulia_trello.actions import (
    ATTACH,
    CHECK,
    COMMENT,
    PLATFORM,
    READ,
    Action,
    before_second,
    following,
    second_of,
)
from tertulia_trello.answers import CardAnswers
from tertulia_trello.client import MOST_ACTIONS
from tertulia_trello.desk import Desk
from tertulia_trello.linking import link_page
from tertulia_trello.ties import WEEK, Reader, Recent
from tertulia_trello.watch import Watch

DAY = 86_400
WIDEST = 30 * DAY
PAGES = 5
"""Calls that one window of time may take; a busier one is cut into shorter ones."""
Facts: TypeAlias = Batch[Participation | Interaction]
ZERO = "0" * 24


class BoardHistory:
    """Be the participation port of the opted-in boards that are places of the workspace."""

    def __init__(self, desk: Desk, watch: Watch):
        self._desk, self._watch, self._answers = desk, watch, CardAnswers(desk)
        self._behind: dict[str, tuple[str, Recent]] = {}

    async def since(self, cursor: str | None, places: frozenset[Place]) -> AsyncIterator[Facts]:
        """Yield ties, and who took part in rituals, behind *cursor*; a board's first reading goes back in time."""
        reached = _positions(cursor)
        mine = {place.ref: place for place in places if place.platform == PLATFORM}
        try:
            for board in (board for board in self._desk.settings.boards if board in mine):
                await self._desk.tell(board)
                await self._watch.keep_when_due(board)
                await self._answers.take(board)
                async for items, position in self._board(mine[board], reached.get(board)):
                    reached[board] = position
                    yield Batch(items, json.dumps(reached, sort_keys=True))
        except OutcomeUnknown as unknown:
            # what is read can be read again
            raise RetryLater(str(unknown)) from None

    async def _board(
        self, place: Place, position: str | None
    ) -> AsyncIterator[tuple[tuple[Participation | Interaction, ...], str]]:
        board = place.ref
        newest = await self._desk.client.board_actions(board, READ, limit=1)
        if not newest:
            return
        last = actions.read(newest[0]).id
        start = position or self._beginning()
        if position is None:
            # commands of the past are not carried out
            await self._desk.context.store.put(f"alive:{board}", last)
        if start >= last:
            return
        reader = await self._reader(place)
        recent = await self._remembered(board, start)
        carried = {card: kept async for card, kept in self._desk.carried(board)}
        async for found, reached in self._windows(board, start, last):
            items: list[Participation | Interaction] = []
            for action in found:
                items += reader.ties(action, recent)
                recent.add(action)
                items += _taking_part(reader, carried.get(action.card), action)
                await self._praise(reader, action)
            self._behind[board] = (reached, recent)
            yield tuple(sorted(items, key=_instant)), reached

    def _beginning(self) -> str:
        back = timedelta(days=self._desk.settings.history_days)
        return before_second(int((self._desk.context.clock.now() - back).timestamp()))

    async def _reader(self, place: Place) -> Reader:
        settings, names = self._desk.settings, await self._desk.names(place.ref)
        own = await self._desk.own()
        return Reader(realm=settings.workspace_id, username=settings.username, place=place, names=names, own=own)

    async def _remembered(self, board: str, start: str) -> Recent:
        """Return who was active in the week before *start*: from memory, else read again."""
        known = self._behind.pop(board, None)
        if known is not None and known[0] == start:
            return known[1]
        recent = Recent()
        lower = before_second(second_of(start) - int(WEEK.total_seconds()) - 1)
        for action in await self._all(board, lower, following(start)) or ():
            recent.add(action)
        return recent

    # -- reading oldest first, though Trello gives the newest first ------------------------------------------------

    async def _windows(self, board: str, start: str, last: str) -> AsyncIterator[tuple[list[Action], str]]:
        """Read one window of time after the other, as long as boards are busy, each with the position behind it."""
        width = 7 * DAY
        while start < last:
            end = before_second(second_of(start) + 1 + width)
            whole = end >= last
            before = None if whole else following(end)
            found = await self._all(board, start, before, most=PAGES if width > 1 else None)
            if found is None:
                width = max(1, width // 8)
                continue
            # what came while this was read is read next time, in its own order
            found = [action for action in found if action.id <= last] if whole else found
            start = last if whole else end
            yield found, start
            width = min(width * 2, WIDEST) if len(found) < MOST_ACTIONS else max(1, width // 2)

    async def _all(self, board: str, since: str, before: str | None, most: int | None = None) -> list[Action] | None:
        """Read everything between two ids, page by page backwards; `None` where that is more than *most* pages."""
        found: list[Json] = []
        pages = 0
        while most is None or pages < most:
            page = await self._desk.client.board_actions(board, READ, since=since, before=before, limit=MOST_ACTIONS)
            found += page
            pages += 1
            if len(page) < MOST_ACTIONS:
                return _sorted(found)
            before = min(str(body["id"]) for body in page)
        return None

    # -- facts -----------------------------------------------------------------------------------------------------

    async def _praise(self, reader: Reader, action: Action) -> None:
        """Carry out a kudos, whose names only the board's members tell."""
        said = actions.addressed(action.text, reader.username) if action.type == COMMENT else None
        if said is None or action.member == reader.own or parse_command(said).name != "kudos":
            return
        if action.id <= (await self._desk.context.store.get(f"alive:{action.board}") or ZERO):
            return
        mentions = {f"@{name}": actions.actor(reader.realm, member) for name, member in reader.names.items()}
        command = Command(
            name="kudos",
            actor=actions.actor(reader.realm, action.member),
            args=parse_command(said, mentions).args,
            place=reader.place,
        )
        reply = await self._desk.context.inbox.command(command, action.id)
        told = f"told:{action.id}"
        if await self._desk.context.store.get(told) is None:
            await self._desk.context.store.put(told, True)
            await self._answer(action, reply)

    async def _answer(self, action: Action, reply: Reply) -> None:
        page = replies.own_page(self._desk.context.public_url)
        try:
            answering = replies.CommentReplies(self._desk.client, page, link_page(self._desk.context))
            await answering.reply(replies.address(action.card, action.id, "kudos"), reply)
        except SendError:
            return


def _taking_part(reader: Reader, carried: Json | None, action: Action) -> Iterator[Participation]:
    """State that somebody took part in the ritual that a card carries; nothing is stated of other cards."""
    if carried is None or action.member == reader.own or action.type not in (COMMENT, CHECK, ATTACH):
        return
    if action.member not in carried.get("group", [action.member]):
        return  # a card of a group is the group's
    kind: Literal["attended", "reacted", "commented"] = "commented"
    if action.type == CHECK and not action.checked:
        return
    if action.type == ATTACH:
        kind = "reacted"
    if action.type == CHECK:
        kind = "attended" if carried["checks"].get(action.item) == "" else "reacted"
    yield Participation(
        actor=actions.actor(reader.realm, action.member),
        place=reader.place,
        kind=kind,
        started=action.at,
        round=carried["round"],
    )


def _instant(fact: Participation | Interaction) -> datetime:
    return fact.started if isinstance(fact, Participation) else fact.at


def _sorted(bodies: Sequence[Json]) -> list[Action]:
    found = {action.id: action for action in map(actions.read, bodies)}
    return [found[key] for key in sorted(found)]


def _positions(cursor: str | None) -> dict[str, str]:
    try:
        known = json.loads(cursor) if cursor else {}
    except ValueError:
        known = {}
    return {str(key): str(value) for key, value in known.items()} if isinstance(known, Mapping) else {}
