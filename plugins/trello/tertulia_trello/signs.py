"""Read votes and reactions on ritual cards: who gave one took part, and a vote answers where it can mean one thing.

Trello tells neither when a vote or a reaction was given nor, by webhook, that somebody reacted. So they are read from
the card and its comments, reactions seldom and once more when the round closes; the card's instant stands for theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tertulia import Json, Participation
from tertulia_trello import actions
from tertulia_trello.actions import COMMENT, Action
from tertulia_trello.client import Gone
from tertulia_trello.desk import Desk, split

EVERY = timedelta(hours=1)
MOST_COMMENTS = 50
"""Latest comments whose reactions are read: each costs a call."""


class CardSigns:
    """Give votes and reactions to the inbox, each person's once."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def comments(self, card: str) -> list[Action]:
        """Return a card's latest comments."""
        return [actions.read(body) for body in await self._desk.client.card_actions(card, (COMMENT,), 0)]

    async def take(self, ref: str, standing: Json, comments: Sequence[Action], *, last: bool = False) -> None:
        """Read the votes of a card as it stands, and the reactions to its comments where that is due."""
        kept = await self._desk.card(ref)
        if kept is None:
            return
        voters = [str(member) for member in standing.get("idMembersVoted") or ()]
        answered = [member for member in voters if await self._answer(split(ref)[1], kept, member)]
        if answered:
            kept = {**kept, "voted": [*kept.get("voted", ()), *answered]}
        reacting: list[str] = []
        now = self._desk.context.clock.now()
        if last or _due(kept, now):
            reacting = await self._reacting(comments)
            kept = {**kept, "looked": now.isoformat()}
        await self._record(ref, kept, (*voters, *reacting))

    async def _answer(self, card: str, kept: Json, member: str) -> bool:
        """Take a vote for an answer, unless the person commented one or the vote was taken before."""
        vote, token = kept.get("vote"), kept["tokens"].get("answer")
        if not vote or token is None or member in kept["answers"] or member in kept.get("voted", ()):
            return False
        actor = actions.actor(self._desk.settings.workspace_id, member)
        reply = await self._desk.context.inbox.answered(token, actor, {vote[0]: vote[1]}, f"vote:{card}:{member}")
        # whoever is not linked yet is asked again, once they are
        return reply.status != "unknown_actor"

    async def _reacting(self, comments: Sequence[Action]) -> list[str]:
        found: list[str] = []
        latest = sorted(comments, key=lambda action: action.id, reverse=True)
        for comment in [action for action in latest if action.type == COMMENT][:MOST_COMMENTS]:
            try:
                reactions = await self._desk.client.reactions(comment.id)
            except Gone:
                continue  # somebody deleted the comment meanwhile
            found += [str(one.get("idMember")) for one in reactions]
        return found

    async def _record(self, ref: str, kept: Json, members: Iterable[str]) -> None:
        known = list(kept.get("reacted", ()))
        new = [member for member in dict.fromkeys(members) if member not in known]
        if new:
            own = await self._desk.own()
            new = [member for member in new if member != own]
        if new:
            facts = [self._fact(ref, kept, member) for member in new]
            await self._desk.context.inbox.participated(facts, f"signs:{ref}:{len(known)}:{new[0]}")
        current: Any = await self._desk.card(ref)
        if current is not None:
            seen = {name: kept[name] for name in ("looked", "voted") if name in kept}
            await self._desk.keep(ref, {**current, **seen, "reacted": [*known, *new]})

    def _fact(self, ref: str, kept: Json, member: str) -> Participation:
        return Participation(
            actor=actions.actor(self._desk.settings.workspace_id, member),
            place=actions.place(split(ref)[0]),
            kind="reacted",
            started=datetime.fromisoformat(kept["made"]),
            round=kept["round"],
        )


def _due(kept: Json, now: datetime) -> bool:
    looked = kept.get("looked")
    return looked is None or abs(now - datetime.fromisoformat(looked)) >= EVERY
