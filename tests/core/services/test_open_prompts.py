"""What is open for one person: what they were invited to, with what they gave before, and nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.domain.identifiers import Id, new_id
from tertulia.domain.people import Actor
from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Refused
from tertulia.services import identities, merging, my_data, open_prompts
from tertulia.services.prompts import open_ticket
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
CHECK = Practice(key="monday", kind="check-in", title="Monday", cadence=CADENCE)
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKED = {"ask": "both", "visibility": "team"}
QUESTION: dict[str, Any] = {"question": "How was it?", "choices": [], "ends": ["low", "high"]}


def actor(user: str) -> Actor:
    return Actor(platform="square", realm="r", user=user)


async def known(stage: Any, name: str, *, verified: bool = True) -> Id:
    person: Id = await stage.member(name)
    async with stage.database.write() as tx:
        account = await identities.resolve(stage.runtime, tx, stage.organization, actor(name))
        if verified:
            await identities.link(stage.runtime, tx, stage.organization, account.id, person, "import", actor="test")
    return person


async def invite(stage: Any, round_id: Id, person: Id, state: str = "sent", purpose: str = "invite") -> None:
    whose = {"organization_id": stage.organization, "round_id": round_id, "purpose": purpose}
    shard = {
        "id": new_id(),
        "origin": START,
        "due": START,
        "size": 1,
        "state": "done",
        "epoch": 0,
        "lease_until": 0.0,
    }
    sent = {"shard_id": shard["id"], "seq": 0, "recipient": person, "target": "person", "state": state}
    async with stage.database.write() as tx:
        await tx.execute(tables.shard.insert().values(**whose, **shard))
        await tx.execute(tables.delivery.insert().values(**whose, **sent, attempts=1, next_at=0.0))


async def seen(stage: Any, name: str) -> Any:
    async with stage.database.read() as tx:
        return await open_prompts.of(stage.runtime, tx, stage.organization, actor(name))


async def test_what_a_person_was_invited_to_and_may_still_answer(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK, PULSE)
        ada, bo = await known(stage, "ada"), await known(stage, "bo")
        check, later = await stage.open_round(CHECK, **ASKED), await stage.open_round(CHECK, **ASKED)
        pulse, skipped = await stage.open_round(PULSE, **QUESTION), await stage.open_round(CHECK, **ASKED)
        closed = await stage.open_round(CHECK, **ASKED)
        await stage.change_round(closed, state="closed")
        await stage.change_round(pulse, closes_at=START + timedelta(hours=1))
        for round_id, state in ((check, "sent"), (pulse, "ambiguous"), (skipped, "skipped"), (closed, "sent")):
            await invite(stage, round_id, ada, state)
        await invite(stage, later, ada, purpose="remind")
        await invite(stage, later, bo)
        await stage.answer(check, ada, {"going": 4, "work": "bread"}, key="e1")
        await stage.answer(pulse, ada, {"answer": "4"}, key="e2")
        mine = await seen(stage, "ada")
        assert [prompt.id for prompt in mine] == [pulse, check]
        assert {field.key: field.value for field in mine[1].fields if field.value} == {"going": "4", "work": "bread"}
        assert [field.value for field in mine[0].fields] == [None] * len(mine[0].fields), (
            "a ballot is shown to nobody"
        )
        assert {open_ticket(stage.runtime.vault, mine[1].actions[0].token).person} == {ada}
        assert [prompt.id for prompt in await seen(stage, "bo")] == [later]
        assert all(prompt.link is None for prompt in mine)


async def test_what_a_merged_person_was_invited_to_stays_open(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        kept, gone = await known(stage, "ada"), await known(stage, "twin")
        check = await stage.open_round(CHECK, **ASKED)
        await invite(stage, check, gone)
        async with stage.database.write() as tx:
            await merging.merge(stage.runtime, tx, stage.organization, kept=kept, gone=gone, actor="test")
        for name in ("ada", "twin"):
            assert [prompt.id for prompt in await seen(stage, name)] == [check]


async def test_nothing_is_shown_to_strangers(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada = await known(stage, "ada")
        await known(stage, "bo", verified=False)
        await invite(stage, await stage.open_round(CHECK, **ASKED), ada)
        for stranger in ("bo", "cyd"):
            with pytest.raises(Refused):
                await seen(stage, stranger)
        async with stage.database.write() as tx:
            await my_data.erase(stage.runtime, tx, stage.organization, ada, actor="test")
        with pytest.raises(Refused):
            await seen(stage, "ada")
