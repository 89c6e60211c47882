"""The questions of a live quiz and what came of them: each is a round of its own.

The board tells of closed questions only, to which nothing is given any more: all see the same at each moment.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Draft, Given
from tertulia.extension import RitualKind, Shared, Tally
from tertulia.kinds import Played
from tertulia.runtime import Runtime
from tertulia.services import past_results, rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.rituals import Kept
from tertulia.storage.tables import opt_out, response, round_follow_up, round_share, round_table

STAGE = "question-"
FRESH, REMEMBERED = 1.0, 100
"""Real seconds for which a board is not made anew: hundreds look at it as soon as a question has closed."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Hold one question of a live quiz, counted from 1; a *closed* one takes no answer and is on the board."""

    round: Id
    number: int
    closes: datetime
    closed: bool


@dataclass(frozen=True, kw_only=True)
class Play:
    """Hold what one person gave to the questions so far, oldest first; who only passed gave nothing."""

    given: tuple[Json, ...]
    platform: str
    at: datetime


def stage(number: int) -> str:
    """Name the stage of a question; names sort like numbers."""
    return f"{STAGE}{number:02d}"


def is_played(kind: RitualKind) -> bool:
    """Tell whether a kind is held live question after question."""
    return isinstance(kind, Played)


async def asked(tx: Tx, organization: Id, root: Id) -> list[Asked]:
    """Return the questions that were asked live in the round *root*, in order."""
    query = (
        sa.select(round_follow_up.c.stage, round_table.c.id, round_table.c.state, round_table.c.closes_at)
        .join(round_table, round_table.c.id == round_follow_up.c.round_id)
        .where(
            round_follow_up.c.organization_id == organization,
            round_follow_up.c.root_id == root,
            round_follow_up.c.stage.like(f"{STAGE}%"),
        )
        .order_by(round_follow_up.c.stage)
    )
    return [
        Asked(
            round=row.id,
            number=int(row.stage.removeprefix(STAGE)),
            closes=row.closes_at,
            closed=row.state not in ("planned", "open"),
        )
        for row in await tx.execute(query)
    ]


async def plays(tx: Tx, round_: RoundRow, questions: Sequence[Asked]) -> dict[Id, Play]:
    """Return what each person gave to *questions*; who opted out of the practice is left out."""
    number_of = {one.round: one.number for one in questions}
    wishes = sa.exists().where(
        opt_out.c.organization_id == round_.organization,
        opt_out.c.person_id == response.c.person_id,
        opt_out.c.practice.in_(("*", round_.practice)),
    )
    columns = [response.c[name] for name in ("round_id", "person_id", "values", "passed", "platform", "given_at")]
    query = sa.select(*columns).where(
        response.c.organization_id == round_.organization, response.c.round_id.in_(list(number_of)), ~wishes
    )
    rows = sorted((await tx.execute(query)).all(), key=lambda row: (number_of[row.round_id], row.person_id))
    found: dict[Id, Play] = {}
    for row in rows:
        before = found[row.person_id].given if row.person_id in found else ()
        given = before if row.passed else (*before, row._mapping["values"])
        found[row.person_id] = Play(given=given, platform=row.platform, at=row.given_at)
    return found


async def teams(tx: Tx, round_: RoundRow) -> dict[Id, int]:
    """Return the team of everybody who has one in the round."""
    kept = await rituals.shares_of(tx, round_.organization, round_.id)
    return {one: int(own.share["team"]) for one, own in kept.items() if "team" in own.share}


async def settle(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Do what the close of a question, or of the whole quiz, asks for; repeating it changes nothing."""
    kind = runtime.plugins.ritual(round_.kind)
    if not isinstance(kind, Played):
        return
    root = await _root(tx, round_)
    if root is None:
        await join_answers(runtime, tx, round_)
        ended = [one.round for one in await asked(tx, round_.organization, round_.id)]
        mine = (response.c.organization_id == round_.organization, response.c.round_id.in_(ended))
        await tx.execute(response.delete().where(*mine))
    elif str(round_.content.get("stage", "")).startswith(STAGE):
        await _divide(runtime, tx, kind, root)


async def _divide(runtime: Runtime, tx: Tx, kind: Played, root: RoundRow) -> None:
    """Give a team to whoever plays and has none; the others keep theirs."""
    closed = [one for one in await asked(tx, root.organization, root.id) if one.closed]
    players = [one for one, play in (await plays(tx, root, closed)).items() if play.given]
    before = await teams(tx, root)
    if set(players) <= before.keys():
        return
    everybody = {*players, *before}
    strengths = await past_results.scores(tx, root, everybody, runtime.clock.now())
    made = kind.teams(root.content, sorted(players), strengths, before, int(root.id, 16))
    new = {one: Kept(share={"team": team}, group=None) for one, team in made.items() if one not in before}
    await rituals.keep_shares(tx, root.organization, root.id, new)


async def join_answers(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Make one answer to the round of what each person gave to its questions; who has one there keeps that."""
    kind = runtime.plugins.ritual(round_.kind)
    questions = await asked(tx, round_.organization, round_.id)
    if not isinstance(kind, Played) or not questions:
        return
    team_of = await teams(tx, round_)
    rows = []
    for one, play in (await plays(tx, round_, questions)).items():
        given = kind.joined(play.given, team_of.get(one))
        rows.append(
            {
                "organization_id": round_.organization,
                "round_id": round_.id,
                "person_id": one,
                "values": dict(given.values) if play.given else {},
                "passed": not play.given,
                "visibility": given.visibility or "me",
                "platform": play.platform,
                "given_at": play.at,
                "version": 1,
                "keys": [],
            }
        )
    await upsert(tx, response, rows, keys=("round_id", "person_id"))


async def of_stage(runtime: Runtime, tx: Tx, round_: RoundRow, language: str) -> Draft | None:
    """Show the board as it stands after the question *round_*; `None` where that is no question of a live quiz."""
    if not is_played(runtime.plugins.ritual(round_.kind)):
        return None
    root = await _root(tx, round_)
    name = str(round_.content.get("stage", ""))
    if root is None or not name.startswith(STAGE):
        return None
    return await board(runtime, tx, root, int(name.removeprefix(STAGE)), language)


async def board(runtime: Runtime, tx: Tx, root: RoundRow, number: int, language: str) -> Draft | None:
    """Show how a live quiz stands after its first *number* questions, which must have closed."""
    known = _BOARDS.setdefault(runtime.database, OrderedDict())
    key = (root.id, number, language)
    if key in known and time.monotonic() - known[key][0] < FRESH:
        return known[key][1]
    made = await _board(runtime, tx, root, number, language)
    known[key] = time.monotonic(), made
    if len(known) > REMEMBERED:
        known.popitem(last=False)
    return made


_BOARDS: WeakKeyDictionary[Database, OrderedDict[tuple[Id, int, str], tuple[float, Draft | None]]] = (
    WeakKeyDictionary()
)


async def _board(runtime: Runtime, tx: Tx, root: RoundRow, number: int, language: str) -> Draft | None:
    kind = runtime.plugins.ritual(root.kind)
    if not isinstance(kind, Played):
        return None
    questions = [one for one in await asked(tx, root.organization, root.id) if one.number <= number]
    found, team_of = await plays(tx, root, questions), await teams(tx, root)
    answers = {one: kind.joined(play.given, team_of.get(one)) for one, play in found.items() if play.given}
    open_ = [one for one, given in answers.items() if given.visibility == "workspace"]
    named = await _names(tx, root, open_)
    shown = [
        Shared(values=answers[one].values, name=name)
        for one, name in sorted(named.items(), key=lambda item: (item[1], item[0]))
    ]
    content = kind.until(root.content, number)
    counted = kind.count(content, [answers[one].values for one in sorted(answers)])
    tally = Tally(invited=0, answered=len(answers), passed=len(found) - len(answers), counted=counted)
    # a kind that is played is a ritual kind as well
    return runtime.plugins.ritual(root.kind).summary(content, shown, tally, language)


async def _names(tx: Tx, root: RoundRow, persons: Sequence[Id]) -> Mapping[Id, str]:
    known = await people.persons(tx, root.organization, list(persons))
    return {one.id: one.name for one in known.values() if not one.erased}


async def current(runtime: Runtime, tx: Tx, root: RoundRow, language: str) -> Draft | None:
    """Show how a live quiz stands now, after the last question that closed; `None` before the first has."""
    closed = [one.number for one in await asked(tx, root.organization, root.id) if one.closed]
    return await board(runtime, tx, root, closed[-1], language) if closed else None


async def own(tx: Tx, root: RoundRow, person: Id) -> tuple[Json | None, Given]:
    """Return a person's share of a live quiz, and what the form of the next question starts from."""
    query = sa.select(round_share.c.share).where(
        round_share.c.organization_id == root.organization,
        round_share.c.round_id == root.id,
        round_share.c.person_id == person,
    )
    share: Json | None = (await tx.execute(query)).scalar_one_or_none()
    return share, Given(values={"shown": await _was_shown(tx, root, person)})


async def _was_shown(tx: Tx, round_: RoundRow, person: Id) -> bool:
    """Tell whether a person chose to be shown in the question they answered last."""
    query = (
        sa.select(response.c.visibility)
        .join(round_follow_up, round_follow_up.c.round_id == response.c.round_id)
        .where(
            response.c.organization_id == round_.organization,
            response.c.person_id == person,
            response.c.passed.is_(False),
            round_follow_up.c.root_id == round_.id,
        )
        .order_by(round_follow_up.c.stage.desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none() == "workspace"


async def _root(tx: Tx, round_: RoundRow) -> RoundRow | None:
    """Return the round that a stage belongs to, `None` where *round_* is the practice's own."""
    root = await rounds.root_of(tx, round_)
    return None if root == round_.id else await rounds.find(tx, root, round_.organization)
