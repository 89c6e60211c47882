"""Carry rituals as cards: posted on the ritual list, changed and closed without ever fighting what people did."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from tertulia import Id, OperatorError, Place, Prompt, Recipient, Ref, RetryLater, SendError, Unreachable
from tertulia_trello import cards
from tertulia_trello.actions import PLATFORM
from tertulia_trello.cards import Asked
from tertulia_trello.client import Gone
from tertulia_trello.desk import Desk, digest, split
from tertulia_trello.signs import CardSigns

MET = "We met"
CHECKLIST = "Tick"


class CardRituals:
    """Be the ritual port: one card for each round and board, one for each small group."""

    def __init__(self, desk: Desk):
        self._desk, self._client, self._store = desk, desk.client, desk.context.store
        self._signs = CardSigns(desk)

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Put a card on the board's ritual list; a repeated *key* goes on where it stopped."""
        if place.platform != PLATFORM:
            raise OperatorError(f"a place of {place.platform} is no board")
        _check(prompt)
        return await self._put(self._desk.opted_in(place.ref), prompt, key)

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Put a card for a group on the board of groups, shared by its members; `None` without such a board.

        It asks nothing, for more people than the group read the board: each member was asked privately.
        """
        board = self._desk.settings.group_board
        members = [recipient.address.get("member") for recipient in group]
        known = [member for member in members if isinstance(member, str) and member]
        if board is None or len(known) < len(members):
            return None
        topic = replace(prompt, fields=(), actions=(), closes=None)
        return await self._put(self._desk.opted_in(board), topic, key, members=known)

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Write the question anew, unless people changed the card, archived it or took it away."""
        _, card = split(ref)
        standing = await self._desk.standing(card)
        if standing is None:
            return
        kept = await self._desk.card(ref)
        if kept is None or digest(standing.get("desc", "")) != kept["desc"]:
            return
        grouped = kept.get("group") is not None
        prompt = replace(prompt, fields=(), actions=()) if grouped else prompt
        text = self._text(prompt, grouped=grouped)
        await self._client.change_card(card, text=text)
        await self._desk.keep(ref, {**kept, **_asked(prompt), "desc": digest(text)})

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """Add the summary and archive the card; what people archived or took away stays as they left it."""
        _, card = split(ref)
        standing = await self._desk.standing(card)
        kept = await self._desk.card(ref)
        if standing is not None and kept:
            with suppress(SendError):
                await self._signs.take(ref, standing, await self._signs.comments(card), last=True)
            kept = await self._desk.card(ref)
        if standing is not None:
            told = int(kept["told"]) if kept else 0
            for number, piece in enumerate(cards.pieces(cards.summary(summary))):
                if number >= told:
                    await self._client.comment(card, piece)
                    if kept:
                        await self._desk.keep(ref, {**kept, "told": number + 1})
            if self._desk.settings.archive or standing.get("due"):
                await self._client.change_card(card, closed=self._desk.settings.archive or None, done=True)
        await self._desk.forget(ref)
        if kept:
            await self._store.delete(f"post:{kept['key']}")

    async def _put(self, board: str, prompt: Prompt, key: Id, *, members: list[str] | None = None) -> Ref:
        known: str | None = await self._store.get(f"post:{key}")
        if known is None:
            known = await self._create(board, prompt, members or [])
            await self._store.put(f"post:{key}", known)
        ref = f"{board}:{known}"
        kept = await self._desk.card(ref)
        if kept is None and not prompt.actions and members is None:
            return ref  # nothing can be answered, so nothing has to be remembered
        if kept is None:
            shown = digest(self._text(prompt, grouped=members is not None))
            empty: dict[str, object] = {"checks": {}, "answers": {}, "refused": {}, "reacted": [], "told": 0}
            kept = {**_asked(prompt), **empty, "desc": shown, "key": key}
            if members is not None:
                kept |= {"group": members, "met": []}
            kept["made"] = self._desk.context.clock.now().isoformat()
            await self._desk.keep(ref, kept)
        await self._checks(ref, prompt, grouped=members is not None)
        return ref

    async def _create(self, board: str, prompt: Prompt, members: list[str]) -> str:
        text = self._text(prompt, grouped=bool(members))
        list_id, label = await self._desk.list_of(board)
        try:
            return await self._client.create_card(
                list_id, cards.title(prompt), text, label=label, members=members, due=prompt.closes
            )
        except Gone:
            # the list was archived or deleted: certainly nothing was posted, and the next attempt looks for a list
            await self._desk.forget_list(board)
            raise RetryLater("the ritual list is gone from the board") from None

    def _text(self, prompt: Prompt, *, grouped: bool) -> str:
        text = cards.description(prompt, self._desk.settings.username)
        return cards.shortened(f"{text}\n\n{cards.TOGETHER}") if grouped else text

    async def _checks(self, ref: Ref, prompt: Prompt, *, grouped: bool) -> None:
        """Put what can be ticked on the card; a card without it is a card all the same."""
        kept, items = await self._desk.card(ref), ticks(prompt)
        items += [("", MET)] if grouped else []
        if kept is None or kept["checks"] or not items:
            return
        try:
            checklist = await self._client.create_checklist(split(ref)[1], CHECKLIST)
            checks = {await self._client.create_check_item(checklist, label): key for key, label in items}
        except SendError:
            return
        await self._desk.keep(ref, {**kept, "checks": checks})


def ticks(prompt: Prompt) -> list[tuple[str, str]]:
    """Return the key of each field that can be ticked, with the text of its line on the checklist."""
    asked = [field for field in prompt.fields if field.kind == "confirm"]
    return [(field.key, " ".join(cards.broken(field.label).split())[:200]) for field in asked]


def hidden(prompt: Prompt) -> bool:
    """Tell whether others must not see the answer: whatever stands on a card, everybody reads."""
    asks = bool(prompt.fields or prompt.actions)
    return asks and (prompt.privacy == "confidential" or prompt.visibility == "me")


def _check(prompt: Prompt) -> None:
    if hidden(prompt):
        raise Unreachable("a question whose answer others must not see is never put on a card")


def _asked(prompt: Prompt) -> dict[str, object]:
    tokens = {action.verb: action.token for action in prompt.actions}
    meant = cards.voted(prompt.fields) if "answer" in tokens else None
    vote = None if meant is None else [meant[0].key, meant[1]]
    fields = [dict(field) for field in Asked.of(prompt).fields]
    return {"round": prompt.id, "tokens": tokens, "fields": fields, "vote": vote}
