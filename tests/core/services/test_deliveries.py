"""How deliveries stand: exact where a plugin is at fault, in steps of five where the reason lies with people."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tertulia.domain.programs import Cadence, Practice
from tertulia.services import deliveries, rounds
from tertulia.storage.tables import delivery, shard

OpenStage = Callable[[], AbstractAsyncContextManager[Any]]
ONCE = Cadence(rule="FREQ=DAILY;COUNT=1", start="2026-03-02T10:00", time="common")
DAILY = Practice(key="daily", kind="check-in", title="Daily", cadence=ONCE)
SURVEY = Practice(
    key="one", kind="single-question", title="One", cadence=ONCE, options={"question": "How was the week?"}
)
GONE = "unreachable: blocked"


async def send(stage: Any, round_id: str, lots: list[tuple[str, str, str, str | None, str | None, int]]) -> Any:
    """Write so many deliveries of a purpose, target, state, platform and reason, and return the round."""
    async with stage.database.write() as tx:
        whose = {"organization_id": stage.organization, "round_id": round_id}
        for purpose, target, state, platform, reason, count in lots:
            made = stage.runtime.new_id()
            timed = {"origin": stage.clock.now(), "due": stage.clock.now(), "size": count, "state": "done"}
            await tx.execute(
                shard.insert().values(**whose, id=made, purpose=purpose, **timed, epoch=0, lease_until=0)
            )
            rows = [
                {
                    **whose,
                    "shard_id": made,
                    "seq": seq,
                    "purpose": purpose,
                    "recipient": stage.runtime.new_id(),
                    "target": target,
                    "state": state,
                    "platform": platform,
                    "reason": reason,
                    "attempts": 1,
                    "next_at": 0.0,
                }
                for seq in range(count)
            ]
            await tx.execute(delivery.insert(), rows)
        return await rounds.find(tx, round_id)


async def test_counts_come_with_their_reasons(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(DAILY)
        row = await send(
            stage,
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
        assert invite.platforms == {
            "circle": {"sent": 0, "sending": 0, "planned": 0, "ambiguous": 0, "failed": 5},
            "square": {"sent": 8, "sending": 0, "planned": 0, "ambiguous": 1, "failed": 3},
        }
        assert {(one.platform, one.state, one.count) for one in invite.troubles} == {
            ("square", "failed", 3), ("square", "failed", 0), ("circle", "failed", 5), ("square", "ambiguous", 1)
        }  # fmt: skip
        assert (invite.left, invite.late, invite.places) == (5, 0, 0)
        assert (post.left, post.places) == (None, 1)
        assert remind.purpose == "remind"
        # the list of rounds tells no more than the page of one
        assert standing is not None
        assert standing.deliveries["invite"] == {"sent": 8, "failed": 13, "ambiguous": 1, "skipped": 10}
        assert deliveries.failed((invite,))
        assert not deliveries.failed((post, remind))


async def test_of_a_survey_there_are_totals_only(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(SURVEY)
        row = await send(
            stage,
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
