"""What may be told exactly: nothing of surveys, further stages and groups' rounds, nor where few were asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from tertulia.domain.programs import Audience, Cadence, Practice
from tertulia.services import deliveries, exporting, exports, rounds, telling
from tertulia.storage import people

OpenStage = Callable[[], AbstractAsyncContextManager[Any]]
ONCE = Cadence(rule="FREQ=DAILY;COUNT=1", start="2026-03-02T10:00", time="common")
DAILY = Practice(key="daily", kind="check-in", title="Daily", cadence=ONCE, audience=Audience(teams=("Solo",)))
SURVEY = Practice(
    key="one", kind="single-question", title="One", cadence=ONCE, options={"question": "How was the week?"}
)
Lot = tuple[str, str, str, str | None, str | None, int]


def asked(count: int, state: str = "sent") -> Lot:
    return "invite", "person", state, "square", None, count


@pytest.mark.parametrize(
    ("lots", "guarded"),
    [
        ([asked(1)], True),
        ([asked(4), asked(7, "skipped")], True),
        ([asked(1, "skipped")], True),
        ([asked(3), asked(2, "failed")], False),
        ([], True),
        ([("post", "place", "sent", "square", None, 1)], False),
        ([("post", "place", "sent", "square", None, 1), asked(4)], True),
    ],
)
async def test_where_few_were_asked_nothing_is_told_exactly(
    open_stage: OpenStage, lots: list[Lot], guarded: bool
) -> None:
    async with open_stage() as stage:
        await stage.apply(DAILY)
        asks = {"ask": "both", "visibility": "team", "offers": False}
        row = await stage.deliver(await stage.open_round(DAILY, **asks), lots)
        person = await stage.member("Ana", team="Solo")
        assert (await stage.answer(row.id, person, {"going": "4"})).status == "taken"
        async with stage.database.read() as tx:
            (standing,) = await rounds.standings(tx, [row])
            assert await telling.guarded(tx, [row]) == ({row.id} if guarded else set())
            assert await deliveries.guarded(tx, row) == guarded
        assert (standing.guarded, standing.answered) == (guarded, 0 if guarded else 1)
        counts = [count for states in standing.deliveries.values() for count in states.values()]
        # not even that there is a state
        assert not guarded or all(count >= telling.STEP and count % telling.STEP == 0 for count in counts)
        planned = replace(row, state="planned")
        async with stage.database.read() as tx:
            assert bool(await telling.guarded(tx, [planned])) == (guarded and bool(lots))


async def test_exports_tell_of_a_survey_what_its_page_tells(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(SURVEY)
        round_ = await stage.open_round(SURVEY, question="How was the week?")
        await stage.deliver(round_, [asked(7), asked(2, "failed"), ("remind:1", "person", "sent", "square", None, 6)])
        async with stage.database.read() as tx:
            home = await people.workspace(tx, stage.organization, stage.workspace)
            assert home is not None
            found = [row async for row in exports.find("deliveries").rows(stage.runtime, tx, home)]
            standing = await rounds.progress(tx, stage.organization, round_)
        assert standing is not None
        assert [(row["purpose"], row["state"], row["count"]) for row in found] == [
            ("invite", "sent", 5), ("remind:1", "sent", 5)
        ]  # fmt: skip
        counted = exporting.counts(standing)
        assert (counted["invited"], counted["not_reached"]) == (5, 0)
