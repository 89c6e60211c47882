"""What the ports of one installation share: the client, who is who on a board, and the ritual list."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from tertulia import Context, Json, OperatorError, OutcomeUnknown, Unreachable
from tertulia_trello import cards
from tertulia_trello.client import Client, Gone
from tertulia_trello.config import Settings

LABEL = "Tertulia"
KNOWN_SECONDS = 600.0
LONGEST = timedelta(days=90)
"""How long a card is remembered that nobody closes, such as that of a group."""
NOTICE = """**This board takes part in the social-cohesion program.**

- Rituals are cards on this list. What you comment on such a card is your answer, under your name, and everybody on \
this board can read it. A vote or a reaction there counts as taking part.
- Of the other cards one thing is read: who had to do with whom, in which week. From comments, mentions, shared \
cards, hand-overs, attachments and ticked items a number between two people is made, for figures about whole teams.
- No comment, no title and no attachment is kept, nobody is shown what a person did, and nothing is sent to you here.
- Questions that are yours alone are never on a card.

Take the board out of the program at any time: ask those who run it, or remove its account from the board."""
log = logging.getLogger(__name__)


class Desk:
    """Hold what ports share; what it remembers in memory can be read again at any time."""

    def __init__(self, context: Context):
        self.context = context
        self.settings: Settings = context.settings
        self.client = Client(context, self.settings)
        self._own: str | None = None
        self._names: dict[str, tuple[float, Mapping[str, str]]] = {}

    async def own(self) -> str:
        """Return the id of the account that we act as."""
        if self._own is None:
            self._own = str((await self.client.me())["id"])
        return self._own

    async def names(self, board: str) -> Mapping[str, str]:
        """Return the members of a board by user name in lower case."""
        known = self._names.get(board)
        if known is None or time.monotonic() > known[0]:
            found = await self.client.board_members(board)
            names = {str(member.get("username", "")).lower(): str(member["id"]) for member in found}
            known = (time.monotonic() + KNOWN_SECONDS, names)
            self._names[board] = known
        return known[1]

    def opted_in(self, board: str) -> str:
        """Return *board*, or raise where the settings do not name it."""
        if board not in self.settings.boards:
            raise OperatorError(f"board {board[:24]} is not opted in: add it to the setting boards")
        return board

    async def list_of(self, board: str) -> tuple[str, str | None]:
        """Return a board's ritual list and label; the first time they are looked for, or made with consent."""
        known = await self.context.store.get(f"list:{board}")
        if known is not None:
            return known["list"], known["label"]
        lists = await self.client.board_lists(self.opted_in(board))
        found = next((str(one["id"]) for one in lists if one.get("name") == self.settings.ritual_list), None)
        if found is None and not self.settings.create_list:
            name = self.settings.ritual_list
            raise OperatorError(f"board {board} has no list {name!r}: make one, or set create_list to true")
        made = found or await self.client.create_list(board, self.settings.ritual_list)
        label = await self._label(board)
        await self.context.store.put(f"list:{board}", {"list": made, "label": label})
        return made, label

    async def _label(self, board: str) -> str | None:
        """Find our label, or make it where things may be made."""
        known = next(
            (str(one["id"]) for one in await self.client.board_labels(board) if one.get("name") == LABEL), None
        )
        if known is None and self.settings.create_list:
            return await self.client.create_label(board, LABEL)
        return known

    async def forget_list(self, board: str) -> None:
        """Forget a list that people archived or deleted; the next round looks for one again."""
        await self.context.store.delete(f"list:{board}")

    async def tell(self, board: str) -> None:
        """Tell a board once, by a card, what is and is not read there; nothing is read before."""
        if await self.context.store.get(f"notice:{board}") is not None:
            return
        list_id, label = await self.list_of(board)
        card = await self.client.create_card(list_id, "What Tertulia reads on this board", NOTICE, label=label)
        await self.context.store.put(f"notice:{board}", card)

    # -- cards that carry a round ----------------------------------------------------------------------------------

    async def carried(self, board: str) -> AsyncIterator[tuple[str, Json]]:
        """Yield the cards of a board that carry a round now, with what is known of each; old ones are forgotten."""
        oldest = self.context.clock.now() - LONGEST
        async for key, kept in self.context.store.scan(f"card:{board}:"):
            if datetime.fromisoformat(kept["made"]) < oldest:
                await self.context.store.delete(key)
            else:
                yield key.rpartition(":")[2], kept

    async def card(self, ref: str) -> Json | None:
        """Return what is known of a card of ours; *ref* is board and card."""
        kept: Json | None = await self.context.store.get(f"card:{ref}")
        return kept

    async def keep(self, ref: str, kept: Json) -> None:
        """Keep what is known of a card of ours."""
        await self.context.store.put(f"card:{ref}", dict(kept))

    async def forget(self, ref: str) -> None:
        """Forget a card: its round has ended, or people removed it."""
        await self.context.store.delete(f"card:{ref}")

    async def standing(self, card: str) -> Json | None:
        """Return a card as it is on the board; `None` where people archived or deleted it, which is respected."""
        try:
            found = await self.client.card(card)
        except Gone:
            return None
        return None if found.get("closed") else found


def digest(text: object) -> str:
    """Recognise a text again without keeping it."""
    return hashlib.sha256(str(text).encode(errors="replace")).hexdigest()[:32]


def split(ref: str) -> tuple[str, str]:
    """Read a reference of ours: the board and the card."""
    board, separator, card = ref.partition(":")
    if not separator or not board or not card:
        raise Unreachable("this reference leads to no card")
    return board, card


async def said(desk: Desk, card: str, text: str) -> None:
    """Comment on a card; where that fails nothing is lost but the words."""
    for piece in cards.pieces(text):
        try:
            await desk.client.comment(card, piece)
        except (OutcomeUnknown, Unreachable) as error:
            log.warning("a comment was not made: %s", error)
            return
