"""Release a survey round: compute its cells before the transaction that closes it, then keep them in it.

The computation takes from seconds to minutes, on a thread, while nothing is locked: answers are no longer taken, and
the ballots stay until the cells are kept. After a crash the computation goes on from what was decided.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person
from tertulia.domain.surveys import DECLINED, FEWEST_ANSWERS, Item, choice_of
from tertulia.extension import Itemised
from tertulia.runtime import Runtime
from tertulia.services import release_progress, rounds, shares, summaries
from tertulia.services.release_progress import Teller
from tertulia.services.rounds import RoundRow
from tertulia.storage import cells, people
from tertulia.storage.cells import StoredCell
from tertulia.storage.database import Tx
from tertulia.storage.tables import ballot, membership
from tertulia.surveys import ballots, comments, drivers
from tertulia.surveys.confidentiality.candidates import DEPARTMENT, TEAM, Group, group_of
from tertulia.surveys.confidentiality.release import BLOCK, Cell, Closed, Figure, Past, Release, release
from tertulia.surveys.drivers import Drivers

log = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=365)
VERSIONS = 5
"""That many of the newest rounds of the look-back are audited together with a new one: six in a row are safe."""
TENURES = ((365, "under 1 year"), (3 * 365, "1 to 3 years"), (6 * 365, "3 to 6 years"))
LONGEST = "over 6 years"


Computed: TypeAlias = tuple[Release, tuple[Drivers, ...]]
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Hold a release that is computed and not kept yet; *cast* are the ids of the ballots it was computed from."""

    release: Release
    atoms: Mapping[Id, Mapping[str, str]]
    answered: tuple[Id, ...]
    invited: int
    cast: frozenset[str]
    declined: int = 0
    comments: Sequence[Mapping[str, Any]] = ()
    drivers: tuple[Drivers, ...] = ()


def items_of(runtime: Runtime, round_: RoundRow) -> Sequence[Item]:
    """Return the items of a survey round; where its kind names none, one for each field of one choice."""
    kind = runtime.plugins.ritual(round_.kind)
    if not round_.confidential:
        return ()
    if isinstance(kind, Itemised):
        return kind.items(round_.content)
    return tuple(
        choice_of(field.key, field.label, {option.value: option.label for option in field.options})
        for field in kind.prompt(round_.content, "en").fields
        if field.kind in ("one", "scale")
    )


async def prepare(runtime: Runtime, round_id: Id, step: int) -> Prepared | None:
    """Compute the release of a round whose timer holds its close as number *step*; `None` where there is none."""
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, round_id)
        if round_ is None or (round_.state, round_.next_action, round_.step) != ("closing", "close", step):
            return None
        items = items_of(runtime, round_)
        if not items:
            return None
        closed, prepared = await _gathered(runtime, tx, round_, items)
        digest = await release_progress.digest(tx, closed, fewest(round_))
        before = await release_progress.decided_before(tx, round_, digest)
    teller = Teller(runtime, round_, digest)

    def work() -> Computed:
        made = release(closed, k=fewest(round_), decided=before, progress=teller)
        return made, drivers.of_round(closed, made)

    made, related = await apart(work)
    await teller.done()
    log.info("a release was computed", extra={"round": round_id, "gate": made.gate, "cells": len(made.published)})
    return replace(prepared, release=made, drivers=related)


async def apart(work: Callable[[], Result]) -> Result:
    """Run *work* on a thread that a service which stops does not wait for: the next one does it again."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def tell(result: Result | None, error: Exception | None) -> None:
        if done.done():
            return
        if result is not None:
            done.set_result(result)
        else:
            done.set_exception(error or RuntimeError("a release came to nothing"))

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="release", daemon=True).start()
    return await done


def fewest(round_: RoundRow) -> int:
    """Return the number of people behind every figure of a round, as it was when people were asked."""
    return int((round_.content or {}).get("fewest", FEWEST_ANSWERS))


async def _gathered(runtime: Runtime, tx: Tx, round_: RoundRow, items: Sequence[Item]) -> tuple[Closed, Prepared]:
    invited = await summaries.invited(tx, round_)
    members = {member.id for member in await people.members(tx, round_.organization, round_.workspace)}
    opened = await ballots.opened(runtime, tx, round_.id, members | invited)
    answers = {owner: values for _, owner, values in opened if owner is not None and values}
    declined = declining(items, answers)
    atoms = await _atoms(runtime, tx, round_, invited | set(answers), declined)
    past = await _past(runtime, tx, round_, [item.key for item in items])
    closed = Closed(round=round_.id, asked=atoms, answers=answers, items=items, past=past)
    nothing = Release(state="withheld", gate="withheld", k=FEWEST_ANSWERS, cells=())
    cast = frozenset(id_ for id_, _, _ in opened)
    given = {person: values for person, values in answers.items() if person not in declined}
    said = comments.arranged(given, atoms, runtime.entropy)
    answered = tuple(sorted(answers))
    return closed, Prepared(
        release=nothing,
        atoms=atoms,
        answered=answered,
        invited=len(invited),
        cast=cast,
        declined=len(declined),
        comments=comments.sealed(runtime, round_.organization, round_.id, said),
    )


def declining(items: Sequence[Item], answers: Mapping[Id, Json]) -> frozenset[Id]:
    """Return who gave no answer, but a reason for not answering: they are counted apart."""
    asked = {item.key for item in items if item.blocks is None or DECLINED not in item.blocks}
    return frozenset(person for person, values in answers.items() if not asked & values.keys())


async def _atoms(
    runtime: Runtime, tx: Tx, round_: RoundRow, persons: Collection[Id], declined: Collection[Id]
) -> dict[Id, Mapping[str, str]]:
    """Return what each person is counted by, as of now, and which part of the audience asked what they were in.

    Whoever was erased meanwhile is counted in the whole only.
    """
    known = await people.persons(tx, round_.organization, persons)
    joined: dict[Id, Any] = {}
    query = sa.select(membership.c.person_id, membership.c.joined_at).where(
        membership.c.organization_id == round_.organization, membership.c.workspace_id == round_.workspace
    )
    for row in await tx.execute(query):
        joined[row.person_id] = row.joined_at
    now, kind = runtime.clock.now(), runtime.plugins.ritual(round_.kind)
    found: dict[Id, Mapping[str, str]] = {}
    for one in sorted(persons):
        atom = atom_of(known[one], (now - joined[one]).days if one in joined else None) if one in known else {}
        share = await shares.share_of(runtime, tx, round_, kind, one)
        block = DECLINED if one in declined else (share or {}).get(BLOCK)
        found[one] = atom if block is None else {**atom, BLOCK: block}
    return found


def atom_of(person: Person, days: int | None) -> Mapping[str, str]:
    """Return what *person* is counted by; a team written as `Sales / North` belongs to the department Sales."""
    atom: dict[str, str] = {"worker_type": person.worker_type}
    if person.location:
        atom["location"] = person.location
    if person.team:
        atom[TEAM] = person.team
        if department := department_of(person.team):
            atom[DEPARTMENT] = department
    if days is not None:
        atom["tenure"] = next((name for below, name in TENURES if days < below), LONGEST)
    return atom


def department_of(team: str) -> str:
    """Return the department of a team that is written as `Sales / North`; nothing of any other."""
    department, slash, _ = (part.strip() for part in team.partition("/"))
    return department if slash else ""


async def _past(runtime: Runtime, tx: Tx, round_: RoundRow, items: Sequence[str]) -> list[Past]:
    since = runtime.clock.now() - LOOK_BACK
    earlier = await cells.rounds_with(tx, round_.organization, items, since=since, most=VERSIONS)
    atoms = await cells.counted(tx, round_.organization, [round_id for round_id, _ in earlier])
    return [
        Past(
            atoms=atoms.get(round_id, {}),
            cells=[_cell(one) for one in await cells.of_round(tx, round_.organization, round_id)],
            k=int(summary.get("figures", {}).get("fewest", FEWEST_ANSWERS)),
        )
        for round_id, summary in earlier
    ]


async def published(tx: Tx, organization: Id, round_id: Id) -> list[Cell]:
    """Return the published cells of a round: all that anything outside this package may know of its answers."""
    return [_cell(one) for one in await cells.of_round(tx, organization, round_id)]


async def told(tx: Tx, organization: Id, round_id: Id) -> list[Cell]:
    """Return the published cells of a round, and without any figure those of which nothing may be told."""
    return [_shown(_cell(one)) for one in await cells.of_round(tx, organization, round_id, published=False)]


def _shown(one: Cell) -> Cell:
    return one if one.outcome == "published" else replace(one, answered=0, figures=())


async def told_of_everybody(
    tx: Tx, organization: Id, rounds: Collection[Id], items: Collection[str]
) -> dict[Id, list[Cell]]:
    """Return by round what `told` returns of everybody and *items*."""
    found = await cells.of_group(tx, organization, rounds, items, Group(family="company").key)
    return {round_id: [_shown(_cell(one)) for one in stored] for round_id, stored in found.items()}


async def waiting(tx: Tx, round_: RoundRow, told_: Sequence[Cell]) -> frozenset[tuple[str, str]]:
    """Return the items and groups' names of which nothing may be told because too few answers changed.

    Those are refused ones that the look-back showed: a group that did not change is told again, and one that was not
    shown before is refused for what stands beside it.
    """
    refused = frozenset((one.item, one.group.key) for one in told_ if one.outcome == "refused")
    if not refused:
        return frozenset()
    closed = round_.closes_at or round_.opens_at
    return refused & await cells.shown_before(tx, round_.organization, before=closed, since=closed - LOOK_BACK)


async def keep(tx: Tx, round_: RoundRow, prepared: Prepared) -> bool:
    """Keep the cells and the ledger and delete the ballots; refuse where these are not the ones that were counted."""
    query = sa.select(ballot.c.id).where(ballot.c.round_id == round_.id)
    if frozenset((await tx.execute(query)).scalars()) != prepared.cast:
        return False
    made = prepared.release
    await cells.add(tx, round_.organization, round_.id, [_stored(one) for one in made.cells])
    if made.state == "released":
        await comments.keep(tx, prepared.comments)
    atoms = {person: atom for person, atom in prepared.atoms.items() if person not in made.left_out}
    await ballots.note_respondents(tx, round_, _noted(prepared), atoms)
    await ballots.destroy(tx, round_.id)
    await release_progress.forget(tx, round_.organization, round_.id)
    return True


def _noted(prepared: Prepared) -> Sequence[Id]:
    """Return who goes into the ledger: whoever declined only where reasons were published, of which they are part."""
    if any(cell.blocks and DECLINED in cell.blocks for cell in prepared.release.published):
        return prepared.answered
    return [person for person in prepared.answered if prepared.atoms[person].get(BLOCK) != DECLINED]


def figures(prepared: Prepared) -> Json:
    """Return what a round's summary keeps beside its cells."""
    made = prepared.release
    answered = len(prepared.answered) - prepared.declined
    return {
        "invited": prepared.invited,
        "answered": answered // 5 * 5 if answered >= made.k else 0,
        "left_out": len(made.left_out),
        "fewest": made.k,
        "gate": made.gate,
        "drivers": [asdict(one) for one in prepared.drivers],
    }


def _stored(cell: Cell) -> StoredCell:
    return StoredCell(
        item=cell.item,
        group_key=cell.group.key,
        family=cell.group.family,
        outcome=cell.outcome,
        answered=cell.answered,
        base=cell.base,
        figures=[
            {"name": one.name, "points": list(one.points), "value": one.value, "low": one.low, "high": one.high}
            for one in cell.figures
        ],
        points=cell.points,
        blocks=None if cell.blocks is None else sorted(cell.blocks),
    )


def _cell(stored: StoredCell) -> Cell:
    return Cell(
        item=stored.item,
        group=group_of(stored.family, stored.group_key),  # type: ignore[arg-type]  # checked when it was kept
        outcome=stored.outcome,  # type: ignore[arg-type]  # as above
        answered=stored.answered,
        base=stored.base,  # type: ignore[arg-type]  # as above
        figures=tuple(Figure(**{**one, "points": tuple(one["points"])}) for one in stored.figures),
        points=tuple(stored.points),
        blocks=None if stored.blocks is None else frozenset(stored.blocks),
    )
