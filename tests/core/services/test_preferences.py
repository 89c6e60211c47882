"""What a person wishes is kept, and only for a person of that organization."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tertulia.errors import Mistake
from tertulia.services import preferences
from tertulia.storage import people

OpenWorld = Callable[[], Any]


async def test_wishes_are_kept_and_taken_back(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana")
        of = (world.runtime, tx, world.organization, ana)
        until = world.clock.now() + timedelta(days=3)
        await preferences.snooze(*of, until)
        await preferences.set_channel(*of, "teams")
        await preferences.set_budget(*of, 0)
        found = await people.person(tx, world.organization, ana)
        assert found is not None
        assert (found.snoozed_until, found.preferred_channel, found.message_budget) == (until, "teams", 0)
        await preferences.snooze(*of, None)
        await preferences.set_channel(*of, None)
        await preferences.set_budget(*of, None)
        found = await people.person(tx, world.organization, ana)
        assert found is not None
        assert (found.snoozed_until, found.preferred_channel, found.message_budget) == (None, None, None)


async def test_opting_out_is_per_practice_or_for_all(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana")
        of = (world.runtime, tx, world.organization, ana)
        for practice in ("café", "café", "quiz", "*"):
            await preferences.opt_out(*of, practice)
        await preferences.opt_in(*of, "quiz")
        assert await people.opt_outs(tx, world.organization, [ana]) == {ana: frozenset({"café", "*"})}
        await preferences.opt_in(*of)
        assert await people.opt_outs(tx, world.organization, [ana]) == {}


async def test_faults_are_told(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, await world.person(tx, "Ana"))
        with pytest.raises(Mistake, match="coming year"):
            await preferences.snooze(*of, world.clock.now())
        with pytest.raises(Mistake, match="coming year"):
            await preferences.snooze(*of, world.clock.now() + timedelta(days=400))
        with pytest.raises(Mistake, match="message_budget"):
            await preferences.set_budget(*of, -1)
        with pytest.raises(Mistake, match="channel"):
            await preferences.set_channel(*of, "<b>")
        with pytest.raises(Mistake, match="practice"):
            await preferences.opt_out(*of, "")


async def test_another_organization_changes_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana")
        of = (world.runtime, tx, "f" * 32, ana)
        with pytest.raises(Mistake, match="no such person"):
            await preferences.set_budget(*of, 1)
        with pytest.raises(Mistake, match="no such person"):
            await preferences.opt_out(*of)
