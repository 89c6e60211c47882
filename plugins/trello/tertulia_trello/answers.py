"""Take answers from a ritual card: comments and ticks, read from the card itself, whatever webhooks were lost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tertulia import Json, Reply, SendError
from tertulia_trello import actions, replies
from tertulia_trello.actions import CHECK, COMMENT, Action
from tertulia_trello.cards import Asked
from tertulia_trello.client import PER_PAGE, Gone
from tertulia_trello.desk import Desk, said
from tertulia_trello.groups import GroupMet
from tertulia_trello.linking import link_page
from tertulia_trello.signs import CardSigns
from tertulia_trello.webhooks import is_answer

MOST_PAGES = 40


class CardAnswers:
    """Give what people write on cards to the inbox, each comment once, an edited one again."""

    def __init__(self, desk: Desk):
        self._desk, self._signs, self._met = desk, CardSigns(desk), GroupMet(desk)

    async def take(self, board: str) -> None:
        """Read all cards of a board that carry a round now."""
        own = await self._desk.own()
        async for card, kept in self._desk.carried(board):
            ref = f"{board}:{card}"
            try:
                standing, found = await self._desk.client.card(card), await self._read(card)
            except Gone:
                await self._desk.forget(ref)
                continue
            for action in found if kept["tokens"] else ():
                if action.member != own:
                    await self._one(ref, action)
            if kept.get("group"):
                await self._met.take(ref, kept, found)
            await self._signs.take(ref, standing, found)

    async def _read(self, card: str) -> list[Action]:
        found: list[Action] = []
        for page in range(MOST_PAGES):
            read = await self._desk.client.card_actions(card, (COMMENT, CHECK), page)
            found += [actions.read(body) for body in read]
            if len(read) < PER_PAGE:
                break
        return sorted({action.id: action for action in found}.values(), key=lambda action: action.id)

    async def _one(self, ref: str, action: Action) -> None:
        kept = await self._desk.card(ref)
        given = None if kept is None else _given(kept, action, self._desk.settings.username)
        if kept is None or given is None:
            return
        verb, values = given
        token = kept["tokens"].get(verb)
        if token is None:
            return
        actor = actions.actor(self._desk.settings.workspace_id, action.member)
        reply = await self._desk.context.inbox.answered(token, actor, values, _tag(action))
        kept = await self._desk.card(ref)
        if kept is None:
            return  # the round closed meanwhile
        if reply.status in ("taken", "changed"):
            latest = {**kept["answers"], action.member: [action.id, action.edited]}
            await self._desk.keep(ref, {**kept, "answers": latest})
            await self._thank(action)
        elif reply.status != "closed":
            said_before = kept["refused"].values()
            note = [action.member, reply.status]
            again = _tag(action) in kept["refused"] or (reply.status == "unknown_actor" and note in said_before)
            await self._desk.keep(ref, {**kept, "refused": {**kept["refused"], _tag(action): note}})
            if not again:
                await self._explain(action, reply)

    async def _thank(self, action: Action) -> None:
        """Say that it was taken; the answer is safe, so that a lost sign does no harm."""
        if action.type == COMMENT:
            with suppress(SendError):
                await self._desk.client.react(action.id, *replies.DONE)

    async def _explain(self, action: Action, reply: Reply) -> None:
        page = replies.own_page(self._desk.context.public_url)
        text = replies.unknown(link_page(self._desk.context)) if reply.status == "unknown_actor" else UNREADABLE
        with suppress(SendError):
            await said(self._desk, action.card, text.format(page=page))


UNREADABLE = (
    "I could not take an answer above as it stands. Edit the comment so that it answers what the card asks, "
    "or answer on your own page: {page}"
)


def _given(kept: Mapping[str, Any], action: Action, username: str) -> tuple[str, Json] | None:
    """Return the verb and the values that an action gives; `None` where it is no answer, or one taken before."""
    if action.type == CHECK:
        field = kept["checks"].get(action.item)
        return ("answer", {field: True}) if field and action.checked and _new(kept, action) else None
    if kept["refused"].get(_tag(action), ["", ""])[1] == "refused":
        return None
    text = action.text
    addressed = actions.addressed(text, username)
    if addressed is not None:
        if not is_answer(addressed):
            return None
        text = addressed
    known = kept["answers"].get(action.member)
    explicit = addressed is not None and _new(kept, action)
    edited = known is not None and known[0] == action.id and known[1] != action.edited
    if known is not None and not explicit and not edited:
        return None  # a later comment is conversation
    word, _, rest = text.partition(" ")
    if text.strip(" .!").casefold() == "pass":
        return "pass", {}
    if addressed is not None and word.strip(":,.").casefold() == "answer":
        text = rest
    return "answer", Asked(fields=tuple(kept["fields"])).values(text)


def _new(kept: Mapping[str, Any], action: Action) -> bool:
    known = kept["answers"].get(action.member)
    return known is None or str(known[0]) < action.id


def _tag(action: Action) -> str:
    return f"{action.id}:{action.edited}"
