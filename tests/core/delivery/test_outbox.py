"""What is owed to one person: sent at least once, sealed until then, alerts with a reserve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.delivery import outbox
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Reply
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable
from tertulia.services import installations
from tertulia.storage import tables
from tertulia.testing.samples import sample_prompt

HELLO = Reply(status="taken", text=Markup.parse("**Hello** [you](https://example.org)\n\n- one"), private=True)


async def owe_reply(station: Any, to: str = "chat", reply: Reply = HELLO) -> None:
    async with station.database.write() as tx:
        await outbox.put_reply(
            station.runtime,
            tx,
            organization=station.organization,
            installation=station.live.id,
            platform="toy",
            reply_to=to,
            reply=reply,
        )


async def owe_message(station: Any, name: str, key: str, *, alert: bool = False, unasked: str = "") -> None:
    async with station.database.read() as tx:
        query = tables.identity.select().filter_by(organization_id=station.organization, user=name)
        identity = (await tx.execute(query)).one()
    async with station.database.write() as tx:
        await outbox.put_message(
            station.runtime,
            tx,
            organization=station.organization,
            installation=station.live.id,
            identity=identity.id,
            prompt=sample_prompt(),
            key=key,
            alert=alert,
            unasked=(station.workspace, unasked) if unasked else None,
        )


async def only(station: Any) -> dict[str, Any]:
    (row,) = await station.rows(tables.outbox)
    found: dict[str, Any] = row
    return found


async def test_a_reply_arrives_as_it_was_put(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        reply = Reply(status="changed", prompt=sample_prompt(), text=HELLO.text)
        await owe_reply(station, "chat/1", reply)
        assert b"chat" not in (await only(station))["sealed"]
        assert await station.deliver() == 1
        (call,) = station.toy.replies.sent
        assert (call.ref, call.reply) == ("chat/1", reply)
        row = await only(station)
        assert (row["state"], row["sealed"]) == ("sent", None)
        assert await station.deliver() == 0


async def test_a_message_goes_to_the_account_as_it_is_now(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        ana = await station.person("ana")
        await owe_message(station, "ana", "the-key")
        await station.deliver()
        (call,) = station.toy.survey.sent
        assert (call.key, call.to.ref, call.to.address, call.to.language) == ("the-key", ana, {"chat": "ana"}, "es")


async def test_what_nobody_asked_for_waits_for_the_end_of_quiet_hours(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        ana = await station.person("ana")
        await station.program()
        station.clock.advance(timedelta(hours=10))
        await owe_message(station, "ana", "thanks", unasked="daily")
        await owe_message(station, "ana", "code")
        await station.deliver()
        # what somebody asked for comes at once
        assert [call.key for call in station.toy.survey.sent] == ["code"]
        async with station.database.write() as tx:
            snooze = {"snoozed_until": station.clock.now() + timedelta(days=2)}
            await tx.execute(tables.person.update().where(tables.person.c.id == ana).values(**snooze))
        for hours, sent in ((12, 1), (36, 1), (12, 2)):
            station.clock.advance(timedelta(hours=hours))
            await station.due(tables.outbox)
            await station.deliver()
            assert len(station.toy.survey.sent) == sent


@pytest.mark.parametrize("change", ["opted out", "left", "the practice ended"])
async def test_what_nobody_wants_any_more_is_not_sent(open_station: Callable[[], Any], change: str) -> None:
    async with open_station() as station:
        ana = await station.person("ana")
        await station.program()
        await owe_message(station, "ana", "thanks", unasked="ended" if change == "the practice ended" else "daily")
        own = {"organization_id": station.organization, "person_id": ana}
        async with station.database.write() as tx:
            if change == "opted out":
                await tx.execute(tables.opt_out.insert().values(**own, practice="daily", at=station.clock.now()))
            elif change == "left":
                await tx.execute(tables.membership.update().filter_by(**own).values(left_at=station.clock.now()))
        await station.deliver()
        assert station.toy.survey.sent == []
        row = await only(station)
        assert (row["state"], row["sealed"]) == ("failed", None)
        assert [row["reachable"] for row in await station.rows(tables.identity)] == [True]


async def test_a_refresh_changes_what_was_shown(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        targets = ("place", "person")
        async with station.database.write() as tx:
            for target in targets:
                await outbox.put_refresh(
                    station.runtime,
                    tx,
                    organization=station.organization,
                    installation=station.live.id,
                    platform="toy",
                    ref=f"shown-{target}",
                    prompt=sample_prompt(),
                    target=target,
                )
        await station.deliver()
        assert [call.ref for call in station.toy.ritual.sent] == ["shown-place"]
        assert [call.ref for call in station.toy.survey.sent] == ["shown-person"]


async def test_an_unknown_outcome_is_repeated_with_the_same_key(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.person("ana")
        station.toy.survey.fail("ask", OutcomeUnknown("lost"), carried_out=True)
        await owe_message(station, "ana", "k")
        await station.deliver()
        row = await only(station)
        assert (row["state"], row["reason"]) == ("planned", "OutcomeUnknown")
        assert row["sealed"] is not None
        await station.due(tables.outbox)
        await station.deliver()
        assert [call.key for call in station.toy.survey.sent] == ["k", "k"]
        assert (await only(station))["state"] == "sent"


async def test_a_pause_that_the_platform_asked_for_is_kept(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        station.toy.replies.fail(
            "reply",
            RetryLater("busy", timedelta(seconds=600), everyone="realm"),
            RetryLater("busy", datetime.now(UTC) + timedelta(seconds=1200)),
        )
        for pause in (600, 1200):
            await station.due(tables.outbox)
            await station.deliver()
            due = (await only(station))["next_at"] - time.time()
            assert pause - 60 < due <= pause
        assert station.limiter.penalties == [("toy:realm", 600.0)]


async def test_eight_attempts_are_enough(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        station.toy.replies.fail("reply", *[RetryLater("busy") for _ in range(20)])
        for _ in range(12):
            await station.due(tables.outbox)
            await station.deliver()
        assert len(station.toy.replies.attempts) == outbox.ATTEMPTS
        row = await only(station)
        assert (row["state"], row["sealed"]) == ("failed", None)


async def test_the_operator_s_fault_costs_no_attempt(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        station.toy.replies.fail("reply", *[OperatorError("wrong secret") for _ in range(10)])
        for _ in range(10):
            await station.due(tables.outbox)
            await station.deliver()
        row = await only(station)
        assert (row["state"], row["attempts"]) == ("planned", 0)
        await station.due(tables.outbox)
        await station.deliver()
        assert len(station.toy.replies.sent) == 1


@pytest.mark.parametrize("error", [Unreachable("blocked"), None])
async def test_who_cannot_be_reached_is_noted(open_station: Callable[[], Any], error: SendError | None) -> None:
    async with open_station() as station:
        await station.person("ana")
        await owe_message(station, "ana", "k")
        if error is not None:
            station.toy.survey.fail("ask", error)
        else:
            async with station.database.write() as tx:
                await tx.execute(tables.identity.update().values(person_id=None))
        await station.deliver()
        row = await only(station)
        assert (row["state"], row["sealed"]) == ("failed", None)
        assert [row["reachable"] for row in await station.rows(tables.identity)] == [False]


async def test_what_is_owed_through_a_disabled_plugin_waits(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        whose = {"organization": station.organization, "workspace": station.workspace, "plugin": "toy"}
        async with station.database.write() as tx:
            await installations.disable(station.runtime, tx, **whose, actor="test")
        await station.runtime.installations.refresh()
        await station.deliver()
        row = await only(station)
        assert row["state"] == "planned"
        assert row["next_at"] > time.time() + 60


async def test_alerts_pass_a_flood_of_replies(open_station: Callable[[], Any], eventually: Any) -> None:
    async with open_station() as station:
        await station.person("ana")
        gate = asyncio.Event()
        send = station.toy.replies.reply

        async def slow(to: str, reply: Reply) -> None:
            await gate.wait()
            await send(to, reply)

        station.toy.replies.reply = slow
        for number in range(80):
            await owe_reply(station, str(number))
        stop = asyncio.Event()
        worker = asyncio.create_task(outbox.drain(station.runtime, stop))
        await asyncio.sleep(0.2)
        await owe_message(station, "ana", "candle", alert=True)

        async def alerted() -> bool:
            return bool(station.toy.survey.sent)

        await eventually(alerted)
        assert station.toy.replies.sent == []
        gate.set()

        async def all_sent() -> bool:
            return len(station.toy.replies.sent) == 80

        await eventually(all_sent)
        stop.set()
        await worker


async def test_what_a_crash_left_is_sent_when_the_lease_ends(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        sender = outbox.Sender(station.runtime)
        assert len(await sender.claim(10)) == 1
        assert await sender.claim(10) == ()
        await station.due(tables.outbox)
        assert await station.deliver() == 1


async def test_what_cannot_be_read_is_given_up(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await owe_reply(station)
        async with station.database.write() as tx:
            await tx.execute(tables.outbox.update().values(sealed=b"damaged"))
        for _ in range(outbox.ATTEMPTS):
            await station.due(tables.outbox)
            await station.deliver()
        row = await only(station)
        assert (row["state"], row["reason"]) == ("failed", "Refused")
