"""What failed of a round is sent again on request: by the best way there is now, once, and to nobody who minds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.capabilities import Platform
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor
from tertulia.errors import Mistake, OutcomeUnknown, Unreachable
from tertulia.extension import Context
from tertulia.hookspecs import hookimpl
from tertulia.services import identities, preferences, retrying
from tertulia.storage.tables import audit, delivery, identity, round_table
from tertulia.testing.ports import FakeSurveyPort
from tertulia.testing.world import Home, World, world

PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
cadence = { rule = "FREQ=DAILY;COUNT=1", start = "2026-01-05T10:00", time = "common" }
open_for = "6h"
"""


@dataclass
class Squares:
    """A platform called *name*, in memory."""

    name: str
    survey: FakeSurveyPort = field(default_factory=FakeSurveyPort)

    __hash__ = object.__hash__

    @hookimpl
    def register_platforms(self, context: Context) -> list[Platform]:
        return [Platform(name=self.name, survey=self.survey)]


@dataclass
class Town:
    core: World
    home: Home
    circle: FakeSurveyPort
    square: FakeSurveyPort
    round: Id = ""

    async def person(self, name: str, **fields: str) -> Id:
        """Add somebody with an account on both platforms."""
        made = await self.core.person(self.home, name, **fields)
        async with self.core.runtime.database.write() as tx:
            for platform in ("circle", "square"):
                who = Actor(platform=platform, realm="r", user=name)
                account = await identities.reachable(self.core.runtime, tx, self.home.organization, who, {"to": name})
                await identities.link(
                    self.core.runtime, tx, self.home.organization, account.id, made, "import", actor="test"
                )
        return made

    async def settle(self) -> None:
        """Open the round and wait until nothing of it is on the way."""
        await self.core.apply(self.home, PROGRAM)
        self.core.clock.advance(timedelta(hours=1, seconds=1))

        async def settled() -> bool:
            states = await self.states()
            return bool(states) and not {"planned", "sending"} & set(states)

        await self.core.until(settled, seconds=60)
        async with self.core.runtime.database.read() as tx:
            self.round = (await tx.execute(sa.select(round_table.c.id))).scalar_one()

    async def states(self) -> dict[str, int]:
        query = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
        async with self.core.runtime.database.read() as tx:
            return {row[0]: row[1] for row in await tx.execute(query)}

    async def retry(self) -> bool | None:
        async with self.core.runtime.database.write() as tx:
            return await retrying.retry(
                self.core.runtime, tx, organization=self.home.organization, round_id=self.round, actor="ana"
            )

    async def missed(self, person: Id, **states: str) -> None:
        """Let somebody's invitation and two reminders have ended in some states, all that failed by the plugin."""
        async with self.core.runtime.database.write() as tx:
            mine = delivery.c.recipient == person
            invite = dict((await tx.execute(sa.select(delivery).where(mine))).one()._mapping)
            for purpose, seq, state in zip(
                ("invite", "remind:1", "remind:2"), (0, 100, 200), states.values(), strict=True
            ):
                reason = "the plugin was disabled" if state == "failed" else None
                if seq:
                    seq += invite["seq"]
                    row = {**invite, "purpose": purpose, "seq": seq, "state": state, "reason": reason}
                    await tx.execute(delivery.insert().values(**row))
                else:
                    await tx.execute(delivery.update().where(mine).values(state=state, reason=reason))

    async def came_back(self) -> None:
        """Let everybody be reachable everywhere again."""
        async with self.core.runtime.database.write() as tx:
            await tx.execute(identity.update().values(reachable=True))


@asynccontextmanager
async def town(url: str, folder: Path) -> AsyncIterator[Town]:
    circle, square = Squares("circle"), Squares("square")
    async with world(url, folder, plugins={"circle": circle, "square": square}) as core:
        home = await core.workspace()
        for plugin in ("circle", "square"):
            await core.enable(home, plugin)
        yield Town(core, home, circle.survey, square.survey)


def to(port: FakeSurveyPort) -> list[Any]:
    return sorted(call.to.address["to"] for call in port.sent if call.to is not None)


async def test_what_failed_goes_another_way_once_and_what_is_unclear_never(database_url: str, tmp_path: Path) -> None:
    async with town(database_url, tmp_path) as place:
        for name in ("Ana", "Ben", "Cleo", "Dan", "Eva", "Flo"):
            await place.person(name)
        place.circle.fail("ask", Unreachable("the app was removed"), Unreachable("the app was removed"))
        place.circle.fail("ask", OutcomeUnknown("the connection was reset"), carried_out=True)
        await place.settle()
        assert await place.states() == {"sent": 3, "failed": 2, "ambiguous": 1}
        before = to(place.circle)
        assert len(before) == 4

        counts = await asyncio.gather(place.retry(), place.retry())
        assert sorted(bool(one) for one in counts) == [False, True]

        async def done() -> bool:
            return await place.states() == {"sent": 5, "ambiguous": 1}

        await place.core.until(done, seconds=60)
        assert to(place.circle) == before
        assert sorted([*before, *to(place.square)]) == ["Ana", "Ben", "Cleo", "Dan", "Eva", "Flo"]
        assert await place.retry() is False
        async with place.core.runtime.database.read() as tx:
            entries = (await tx.execute(sa.select(audit).where(audit.c.verb == "round.retry"))).all()
        assert [entry.actor for entry in entries] == ["ana"]


async def test_nobody_is_sent_to_again_who_minds_and_quiet_hours_hold(tmp_path: Path) -> None:
    async with town(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        people = {name: await place.person(name) for name in ("Ana", "Ben", "Cleo")}
        # in her zone the evening begins while the round is open
        night = await place.person("Nia", quiet_start="12:00", quiet_end="14:00")
        place.circle.fail("ask", *(Unreachable("the app was removed") for _ in range(4)))
        await place.settle()
        assert await place.states() == {"failed": 4}
        async with place.core.runtime.database.write() as tx:
            runtime, organization = place.core.runtime, place.home.organization
            await preferences.opt_out(runtime, tx, organization, people["Ana"], "daily")
        place.core.clock.advance(timedelta(hours=2, minutes=30))  # half past twelve
        assert await place.retry() is None

        wanted = {people["Ana"]: "failed", people["Ben"]: "sent", people["Cleo"]: "sent", night: "planned"}

        async def sent() -> bool:
            async with place.core.runtime.database.read() as tx:
                return {row.recipient: row.state for row in await tx.execute(sa.select(delivery))} == wanted

        await place.core.until(sent, seconds=60)
        place.core.clock.advance(timedelta(hours=1, minutes=40))
        await place.core.until(lambda: "Nia" in to(place.square), seconds=60)
        assert "Ana" not in to(place.square)

        place.core.clock.advance(timedelta(hours=6))

        async def closed() -> bool:
            return {row.state for row in await place.core.rounds(place.home)} == {"closed"}

        await place.core.until(closed, seconds=60)
        # of a few people it is never told whether there was anything
        assert await place.retry() is None
        async with place.core.runtime.database.write() as tx:
            await tx.execute(round_table.update().values(state="cancelled"))
        with pytest.raises(Mistake, match="no answers any more"):
            await place.retry()


async def test_whoever_missed_several_messages_gets_one(tmp_path: Path) -> None:
    async with town(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        people = {name: await place.person(name) for name in ("Ana", "Ben", "Cleo", "Dan")}
        await place.settle()
        await place.missed(people["Ana"], invite="sent", first="failed", second="failed")
        await place.missed(people["Ben"], invite="failed", first="failed", second="failed")
        await place.missed(people["Cleo"], invite="sent", first="failed", second="sent")
        await place.missed(people["Dan"], invite="failed", first="ambiguous", second="skipped")
        before = len([*place.circle.sent, *place.square.sent])
        for _ in range(2):
            assert await place.retry() is None

            async def done() -> bool:
                return not {"planned", "sending"} & set(await place.states())

            await place.core.until(done, seconds=60)
        sent = sorted(call.to.address["to"] for call in [*place.circle.sent, *place.square.sent][before:] if call.to)
        async with place.core.runtime.database.read() as tx:
            rows = (await tx.execute(sa.select(delivery))).all()
            entries = (
                (await tx.execute(sa.select(audit.c.detail).where(audit.c.verb == "round.retry"))).scalars().all()
            )
        found = {(row.recipient, row.purpose): row.state for row in rows}
        assert sent == ["Ana", "Ben"]
        assert found[people["Ana"], "remind:2"] == found[people["Ben"], "invite"] == "sent"
        assert found[people["Ana"], "remind:1"] == found[people["Ben"], "remind:2"] == "skipped"
        assert found[people["Cleo"], "remind:1"] == found[people["Dan"], "invite"] == "failed"
        # the log says no more than the button
        assert len(entries) == 2
        assert [set(one) for one in entries] == [{"workspace"}] * 2
