"""Kudos in a live round: a guest whom nobody knows cannot thank, and is told so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Cadence, Practice
from tertulia.live import Attendee
from tertulia.services import identities, people
from tertulia.services.installations import Installations
from tertulia.services.live import WorkspaceLive
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
THANKS = Practice(key="thanks", kind="kudos", title="Thanks", cadence=CADENCE)
MEETING = Place(platform="square", ref="meeting-1", kind="meeting")


async def member(stage: Any, name: str) -> Actor:
    person: str = await stage.member(name)
    account = Actor(platform="square", realm="r", user=name)
    async with stage.database.write() as tx:
        known = await identities.resolve(stage.runtime, tx, stage.organization, account)
        await identities.link(stage.runtime, tx, stage.organization, known.id, person, "import", actor="test")
        await people.grant(stage.runtime, tx, stage.organization, stage.workspace, person, "host", actor="test")
    return account


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_guest_is_told_that_thanks_come_from_somebody(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(THANKS)
        hana, _ = await member(stage, "Hana"), await member(stage, "Bo")
        stage.runtime.installations = Installations(stage.runtime)
        live = WorkspaceLive(stage.runtime, organization=stage.organization, workspace=stage.workspace)
        session = await live.start(MEETING, hana, "thanks", {})
        await live.advance(session, hana, "asking")
        guest = Attendee(ref="guest", holder="g")
        await live.enter(session, guest)
        refused = await live.respond(session, guest, "answer", {"whom": "Bo", "why": "For the soup."})
        assert refused.status == "refused"
        assert refused.text is not None
        assert "link your account" in refused.text.plain()
        assert (await live.respond(session, guest, "pass", {})).status == "taken"
        assert await stage.rows(tables.kudos) == []
