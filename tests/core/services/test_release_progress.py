"""How far a release has come: seen by an admin, gone on from after a crash, gone with the ballots."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.programs import Cadence, Practice
from tertulia.domain.surveys import recommendation
from tertulia.services import advance as advancing
from tertulia.services import release_progress, releasing, rounds
from tertulia.storage import tables
from tertulia.surveys.confidentiality.release import Closed, Decided, release

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
QUESTION: dict[str, Any] = {"question": "How was it?", "choices": ["calm", "full"], "ends": ["low", "high"]}


class Nobody:
    """Installations of a runtime that has none."""

    def of(self, workspace: str) -> tuple[()]:
        return ()


class PowerCut(BaseException):
    """What ends a computation in the middle."""


def closed() -> Closed:
    asked = {f"p{number:02d}": {"team": f"T{number % 5}", "location": f"L{number % 3}"} for number in range(60)}
    items = tuple(recommendation(key, "How likely?") for key in ("one", "two", "three"))
    answers = {person: {key: str(int(person[1:]) % 11) for key in ("one", "two", "three")} for person in asked}
    return Closed(round="r", asked=asked, answers=answers, items=items)


def test_an_interrupted_release_goes_on_and_comes_to_the_same() -> None:
    whole, phases = release(closed()), list[tuple[str, float]]()
    release(closed(), progress=lambda decided, phase, share: phases.append((phase, share)))
    assert [share for _, share in phases] == sorted(share for _, share in phases)
    assert phases[-1][1] == 1.0
    for stop in range(len(phases)):
        kept: list[Decided] = []

        def cut(decided: Decided, phase: str, share: float, stop: int = stop, kept: list[Decided] = kept) -> None:
            kept.append(decided)
            if len(kept) > stop:
                raise PowerCut

        with pytest.raises(PowerCut):
            release(closed(), progress=cut)
        later: list[tuple[str, float]] = []

        def note(decided: Decided, phase: str, share: float, later: list[tuple[str, float]] = later) -> None:
            later.append((phase, share))

        assert release(closed(), decided=kept[-1], progress=note) == whole
        assert later == phases[stop + 1 :]


async def closing(stage: Any) -> str:
    stage.runtime.installations = Nobody()
    await stage.apply(PULSE)
    round_id: str = await stage.open_round(PULSE, **QUESTION)
    for number in range(12):
        await stage.answer(round_id, await stage.member(f"P{number}"), {"answer": "1" if number < 7 else "2"})
    await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
    return round_id


async def test_an_admin_sees_how_far_a_release_is_until_it_is_kept(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await closing(stage)
        async with stage.database.read() as tx:
            assert await release_progress.standing(tx, stage.organization, round_id) is None
        assert await releasing.prepare(stage.runtime, round_id, 7) is not None
        async with stage.database.read() as tx:
            standing = await release_progress.standing(tx, stage.organization, round_id)
            assert await release_progress.standing(tx, "somebody else", round_id) is None
        assert str(standing) == "release: 100 % done, trying whether an answer follows from all figures together"
        await advancing.advance(stage.runtime, round_id, 7)
        assert await stage.rows(tables.release_state) == []


async def test_what_was_decided_counts_for_the_same_answers_only(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await closing(stage)
        await releasing.prepare(stage.runtime, round_id, 7)
        (before,) = await stage.rows(tables.release_state)
        await releasing.prepare(stage.runtime, round_id, 7)
        (same,) = await stage.rows(tables.release_state)
        assert same == before
        assert not {"P0", "1", "2"} & set(str(before["kept"]).replace("'", " ").split())
        async with stage.database.write() as tx:
            gone = sa.select(tables.ballot.c.id).limit(1).scalar_subquery()
            await tx.execute(tables.ballot.delete().where(tables.ballot.c.id == gone))
        await releasing.prepare(stage.runtime, round_id, 7)
        (after,) = await stage.rows(tables.release_state)
        assert after["digest"] != before["digest"]
        async with stage.database.read() as tx:
            round_ = await rounds.find(tx, round_id)
            assert await release_progress.decided_before(tx, round_, before["digest"]) is None
