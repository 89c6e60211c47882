"""Reduce a board's life to ties between people: who had to do with whom, and nothing of what it was about.

A tie depends on an action and on who was active on the same card in the week before it, and on nothing else. So
reading can stop and go on anywhere, and nothing about anybody has to be kept for it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from tertulia import Interaction, Place, parse_command
from tertulia_trello import actions
from tertulia_trello.actions import COMMENT, JOIN, LEAVE, Action

Kind: TypeAlias = Literal["comment", "mention", "reply", "co-assignment", "hand-over", "help"]
WEEK = timedelta(days=7)
"""How long somebody counts as active on a card."""
HANDED = timedelta(days=1)
"""How long after one person left a card another may take it over."""
MOST = 12
"""People of a card whom one action ties to, the latest ones; more are a crowd."""
WEIGHTS: Mapping[Kind, float] = {
    "mention": 1.0,
    "reply": 1.0,
    "hand-over": 1.0,
    "co-assignment": 0.5,
    "help": 0.5,
    "comment": 0.25,
}


@dataclass(frozen=True, slots=True)
class _Trace:
    at: datetime
    member: str
    type: str


class Recent:
    """Remember, in memory, who was active on which card in the last week that was read."""

    def __init__(self) -> None:
        self._cards: dict[str, deque[_Trace]] = defaultdict(deque)
        self._swept: datetime | None = None

    def add(self, action: Action) -> None:
        """Take an action; they come oldest first."""
        if not action.card:
            return
        member = action.target if action.type in (JOIN, LEAVE) and action.target else action.member
        self._cards[action.card].append(_Trace(action.at, member, action.type))
        if self._swept is None or action.at - self._swept > WEEK:
            self._swept = action.at
            self._sweep(action.at - WEEK)

    def around(self, action: Action, without: str) -> tuple[_Trace, ...]:
        """Return what happened on the action's card in the week before it, latest first, but for *without*."""
        traces = self._cards.get(action.card, ())
        return tuple(t for t in reversed(traces) if t.at >= action.at - WEEK and t.member != without)

    def _sweep(self, before: datetime) -> None:
        for card in list(self._cards):
            traces = self._cards[card]
            while traces and traces[0].at < before:
                traces.popleft()
            if not traces:
                del self._cards[card]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Read ties of one board; *names* maps user names to members, *own* is the account of ours."""

    realm: str
    username: str
    place: Place
    names: Mapping[str, str]
    own: str

    def ties(self, action: Action, recent: Recent) -> Iterator[Interaction]:
        """Yield the ties that an action states, given what happened before it."""
        if action.member == self.own:
            return
        seen: set[str] = {action.member, self.own}
        for kind, source, target in self._stated(action, recent):
            # the strongest relation to a person counts, not each that can be found
            if source == action.member and target in seen:
                continue
            if source == action.member:
                seen.add(target)
            yield self._tie(action, kind, source, target)

    def _stated(self, action: Action, recent: Recent) -> Iterator[tuple[Kind, str, str]]:
        around = recent.around(action, without=self.own)
        match action.type:
            case "commentCard":
                yield from self._comment(action, around)
            case "addMemberToCard" if action.target and action.target != self.own:
                yield from _joined(action, around)
            case "addAttachmentToCard":
                yield from (("help", action.member, other) for other in _people(around, action.member))
            case "updateCheckItemStateOnCard" if action.checked:
                yield from (("help", action.member, other) for other in _people(around, action.member))

    def _comment(self, action: Action, around: tuple[_Trace, ...]) -> Iterator[tuple[Kind, str, str]]:
        said = actions.addressed(action.text, self.username)
        praised = said is not None and parse_command(said).name == "kudos"
        if said is not None and not praised:
            return  # a command is between a person and us
        for name in actions.mentioned(action.text):
            if (member := self.names.get(name)) is not None:
                # the thanks themselves are counted where the command is carried out
                yield "mention", action.member, member
        if praised:
            return
        answered = next((t.member for t in around if t.type == COMMENT and t.member != action.member), None)
        if answered is not None:
            yield "reply", action.member, answered
        yield from (("comment", action.member, other) for other in _people(around, action.member))

    def _tie(self, action: Action, kind: Kind, source: str, target: str) -> Interaction:
        return Interaction(
            source=actions.actor(self.realm, source),
            target=actions.actor(self.realm, target),
            kind=kind,
            at=action.at,
            weight=WEIGHTS[kind],
            place=self.place,
        )


def _joined(action: Action, around: tuple[_Trace, ...]) -> Iterator[tuple[Kind, str, str]]:
    """Read who came to a card: from whom it was taken over, who gave it, and with whom it is shared."""
    newcomer = action.target
    left = next((t for t in around if t.type == LEAVE and t.member != newcomer), None)
    if left is not None and left.at >= action.at - HANDED:
        yield "hand-over", left.member, newcomer
    elif newcomer != action.member:
        yield "hand-over", action.member, newcomer
    latest: dict[str, str] = {}
    for trace in around:
        if trace.type in (JOIN, LEAVE):
            latest.setdefault(trace.member, trace.type)
    for other in [member for member, type_ in latest.items() if type_ == JOIN and member != newcomer][:MOST]:
        yield "co-assignment", newcomer, other
        yield "co-assignment", other, newcomer


def _people(around: tuple[_Trace, ...], without: str) -> list[str]:
    return list(dict.fromkeys(t.member for t in around if t.type != LEAVE and t.member != without))[:MOST]
