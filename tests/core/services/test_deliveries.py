"""How deliveries stand: of shared places by platform, of people together and with reasons in steps of five."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tertulia.domain.programs import Cadence, Practice
from tertulia.services import deliveries, rounds
from tertulia.services.delivery_reasons import REPLACED, UNREACHABLE

OpenStage = Callable[[], AbstractAsyncContextManager[Any]]
ONCE = Cadence(rule="FREQ=DAILY;COUNT=1", start="2026-03-02T10:00", time="common")
DAILY = Practice(key="daily", kind="check-in", title="Daily", cadence=ONCE)
SURVEY = Practice(
    key="one", kind="single-question", title="One", cadence=ONCE, options={"question": "How was the week?"}
)
GONE = "unreachable: blocked"


async def test_counts_come_with_their_reasons(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(DAILY)
        row = await stage.deliver(
            await stage.open_round(DAILY),
            [
                ("invite", "person", "sent", "square", None, 8),
                ("invite", "person", "failed", "square", "the plugin was disabled", 3),
                ("invite", "person", "failed", "square", GONE, 4),
                ("invite", "person", "failed", "circle", GONE, 6),
                ("invite", "person", "ambiguous", "square", "no answer", 1),
                ("invite", "person", "skipped", None, "opted out", 2),
                ("invite", "person", "skipped", "square", "snoozed", 5),
                ("invite", "person", "skipped", "square", "the round closed first", 4),
                ("post", "place", "skipped", "circle", "the place's plugin is not enabled", 1),
                ("remind:1", "person", "sent", "square", None, 2),
            ],
        )
        async with stage.database.read() as tx:
            assert not await deliveries.guarded(tx, row)
            invite, post, remind = await deliveries.parts(tx, row)
            standing = await rounds.progress(tx, stage.organization, row.id)
        # where somebody has an account is known: by platform it would follow who is missing
        assert invite.platforms == {}
        assert invite.states == {"sent": 8, "sending": 0, "planned": 0, "ambiguous": 1, "failed": 13}
        found = {(one.platform, one.state, one.count, one.exact) for one in invite.troubles}
        assert found == {("square", "failed", 0, False), (None, "failed", 10, False), (None, "ambiguous", 0, False)}
        assert UNREACHABLE in {one.explained for one in invite.troubles}
        assert (invite.left, invite.late, invite.places) == (5, 0, 0)
        assert (post.left, post.places, post.states) == (None, 1, {})
        assert remind.purpose == "remind"
        # the list of rounds tells no more than the page of one
        assert standing is not None
        assert standing.deliveries["invite"] == {"sent": 8, "failed": 13, "ambiguous": 1, "skipped": 10}
        assert deliveries.failed((invite,))
        assert not deliveries.failed((post, remind))


async def test_of_a_survey_there_are_totals_only(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(SURVEY)
        row = await stage.deliver(
            await stage.open_round(SURVEY, question="How was the week?"),
            [
                ("invite", "person", "sent", "square", None, 13),
                ("invite", "person", "failed", "square", "the plugin was disabled", 5),
                ("invite", "person", "failed", "circle", GONE, 7),
                ("invite", "person", "skipped", None, "opted out", 2),
                ("invite", "person", "planned", "square", "for the operator: check the token", 4),
                ("remind:1", "person", "sent", "square", None, 9),
            ],
        )
        async with stage.database.read() as tx:
            assert await deliveries.guarded(tx, row)
            found = await deliveries.totals(tx, row)
        assert (found.sent, found.under_way, found.not_sent) == (10, 0, 10)
        # what keeps fewer than five waiting, or lies with people, is not told
        assert ["was disabled" in why.what for why in found.hints] == [True]


async def test_one_person_s_platform_is_named_by_the_installation_s_trouble_only(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(DAILY)
        row = await stage.deliver(
            await stage.open_round(DAILY),
            [
                ("invite", "person", "sent", "circle", None, 6),
                ("invite", "person", "failed", "square", "unreachable: the square app was removed", 1),
                ("invite", "person", "failed", "circle", "gave up after 3 attempts: busy", 1),
                ("invite", "person", "planned", "square", "the platform's rate limit is used up", 1),
                ("invite", "person", "ambiguous", "circle", "no answer", 5),
                ("post", "place", "failed", "square", "gave up after 3 attempts: busy", 1),
                ("post", "place", "sent", "circle", None, 2),
                ("remind:1", "person", "skipped", "circle", REPLACED, 5),
            ],
        )
        async with stage.database.read() as tx:
            invite, post, remind = await deliveries.parts(tx, row)
        assert {(one.platform, one.state, one.count) for one in invite.troubles} == {
            (None, "failed", 0), ("square", "planned", 0), ("circle", "ambiguous", 5)
        }  # fmt: skip
        assert not any("square" in one.explained.what for one in invite.troubles)
        assert [(one.platform, one.count, one.exact) for one in post.troubles] == [("square", 1, True)]
        assert {name: states["sent"] for name, states in post.platforms.items()} == {"circle": 2, "square": 0}
        assert (remind.left, remind.states) == (None, {})
