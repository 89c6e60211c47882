"""From a signed event to what the core keeps, with the real core."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tertulia.services.registry import sealed_at
from tertulia.services.withdrawing import VERB
from tertulia.storage import tables
from tertulia.storage.ties import end
from tertulia_zoom.events import guest

LISTS = ("GET", "/past_meetings/{meetingId}/instances")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tertulia.db'}"


async def hold(village: Any, minutes: int = 30) -> Any:
    """Hold a meeting: two who stay, one who looks in for a minute, and a guest."""
    meetings, (ana, ben, chen) = village.server.meetings, village.users
    instance = meetings.start(village.number)
    first, second = meetings.join(instance, ana), meetings.join(instance, ben)
    visitor = meetings.join(instance, name="Ana Sousa")  # a guest who calls herself like a member
    third = meetings.join(instance, chen)
    village.clock.advance(timedelta(minutes=1))
    meetings.leave(instance, third)
    village.clock.advance(timedelta(minutes=minutes - 1))
    for stay in (first, second):
        meetings.leave(instance, stay)
    meetings.end(instance)
    await village.handled()
    return instance, visitor


async def test_who_attended_is_kept_and_who_looked_in_is_not(open_village: Any, url: str, tmp_path: Path) -> None:
    async with open_village(url, tmp_path) as village:
        began = village.clock.now()
        instance, visitor = await hold(village)
        assert await village.rows(tables.participation) == []  # not before Zoom's own records are read
        village.clock.advance(timedelta(minutes=10))

        async def stated() -> bool:
            return len(await village.rows(tables.participation)) == 3

        await village.core.until(stated)
        rows = await village.rows(tables.participation)
        known = {row.person_id for row in rows}
        assert known == {village.people["Ana Sousa"], village.people["Ben Okafor"], None}
        assert {(row.started_at, row.ended_at, row.kind) for row in rows} == {
            (began, began + timedelta(minutes=30), "attended")
        }
        accounts = {row.user: row.person_id for row in await village.rows(tables.identity)}
        assert accounts[guest(instance.uuid, visitor.device)] is None  # never matched by name
        ties = await village.rows(tables.interaction)
        of = (village.core.runtime.vault, village.home.organization)
        assert {(row.source_id, row.target_id, row.kind) for row in ties} == {
            (end(*of, village.people[one]), end(*of, village.people[other]), "co-attendance")
            for one, other in (("Ana Sousa", "Ben Okafor"), ("Ben Okafor", "Ana Sousa"))
        }

        async def used_up() -> bool:
            return not [key async for key, _ in village.live.context.store.scan("event:")]

        await village.core.until(used_up)


async def test_repeated_and_late_events_change_nothing(open_village: Any, url: str, tmp_path: Path) -> None:
    async with open_village(url, tmp_path) as village:
        village.server.sender.fate = "twice"
        await hold(village)
        assert len(await village.rows(tables.inbox)) == 9  # each once
        village.clock.advance(timedelta(minutes=10))

        async def stated() -> bool:
            return len(await village.rows(tables.participation)) == 3

        await village.core.until(stated)
        late = village.server.sender.attempts[2]
        async with village.live.context.http.post(
            village.server.sender.url, data=late.body, headers=late.headers
        ) as answer:
            assert answer.status == 200
        await village.handled()
        assert len(await village.rows(tables.participation)) == 3
        assert len(await village.rows(tables.inbox)) == 9


async def test_an_hour_of_lost_events_is_healed(open_village: Any, url: str, tmp_path: Path) -> None:
    """Nothing of the meeting's middle came, its end neither; the next reading finds what Zoom knows."""
    async with open_village(url, tmp_path) as village:
        meetings, (ana, ben, chen), sender = village.server.meetings, village.users, village.server.sender
        began = village.clock.now()
        instance = meetings.start(village.number)
        first = meetings.join(instance, ana)
        await village.handled()
        sender.fate = "lost"
        village.clock.advance(timedelta(minutes=20))
        second = meetings.join(instance, ben)
        meetings.leave(instance, first)
        village.clock.advance(timedelta(minutes=20))
        third = meetings.join(instance, ana)
        meetings.join(instance, chen)
        village.clock.advance(timedelta(minutes=20))
        for stay in (second, third):
            meetings.leave(instance, stay)
        meetings.end(instance)
        assert len(sender.lost) == 7
        village.clock.advance(timedelta(hours=6))

        async def stated() -> bool:
            return len(await village.rows(tables.participation)) == 4

        await village.core.until(stated)
        names = {person: name for name, person in village.people.items()}
        minute = timedelta(minutes=1)
        rows = await village.rows(tables.participation)
        assert {
            (names[row.person_id], (row.started_at - began) // minute, (row.ended_at - began) // minute)
            for row in rows
        } == {("Ana Sousa", 0, 20), ("Ana Sousa", 40, 60), ("Ben Okafor", 20, 60), ("Chen Wei", 40, 60)}


async def test_other_meetings_are_dropped_before_they_are_stored(open_village: Any, url: str, tmp_path: Path) -> None:
    async with open_village(url, tmp_path) as village:
        other = village.town.add_meeting(village.users[1], "Salary talk")
        instance = village.server.meetings.start(other)
        village.server.meetings.join(instance, village.users[2])
        village.server.meetings.end(instance)
        await village.server.sender.quiet()
        assert {one.status for one in village.server.sender.attempts} == {200}
        assert await village.rows(tables.inbox) == []
        reads = len(village.server.arrived(*LISTS))

        def read_again() -> bool:
            village.clock.advance(timedelta(hours=1))  # a reading that was under way meanwhile puts the next one off
            return len(village.server.arrived(*LISTS)) > reads + 1

        await village.core.until(read_again)
        assert not any(other in one.path or "Salary" in str(one.body) for one in village.server.journal)
        assert await village.rows(tables.participation) == []


async def test_deauthorization_deletes_what_zoom_told_and_proves_it(
    open_village: Any, url: str, tmp_path: Path
) -> None:
    async with open_village(url, tmp_path) as village:
        await hold(village)
        village.clock.advance(timedelta(minutes=10))

        async def stated() -> bool:
            return len(await village.rows(tables.participation)) == 3

        await village.core.until(stated)
        await village.live.context.store.put("anything", {"token": 1})
        sender, town = village.server.sender, village.town
        event = {
            "event": "app_deauthorized",
            "payload": {
                "account_id": town.account,
                "user_id": village.users[0],
                "client_id": "somebody-elses-app",
                "deauthorization_time": "2026-01-05T12:00:00.000Z",
                "signature": "sign",
            },
        }
        sender.tell(event)
        await sender.quiet()
        assert village.core.runtime.installations.get(village.live.id) is not None  # it was not our app
        sender.tell({**event, "payload": {**event["payload"], "client_id": village.server.app_client[0]}})
        await sender.quiet()
        await village.core.until(lambda: village.core.runtime.installations.get(village.live.id) is None)
        for table in (tables.participation, tables.interaction, tables.store, tables.cursor, tables.subscription):
            assert await village.rows(table) == [], table.name
        assert not [row for row in await village.rows(tables.identity) if row.platform == "zoom"]
        assert len([row for row in await village.rows(tables.person) if row.name]) == 3
        (proof,) = [row for row in await village.rows(tables.audit) if row.verb == VERB]
        assert proof.subject == village.live.id
        assert proof.detail["deleted"]["participation"] == 3
        assert proof.detail["due"].startswith("2026-01-15T12:00:00")
        (installation,) = await village.rows(tables.installation)
        assert not installation.enabled
        place = sealed_at(installation.organization_id, installation.id)
        assert village.core.runtime.vault.open_json(installation.settings, *place) == {}
        status, _ = await sender.validate()
        assert status == 404


async def test_deauthorization_that_only_the_bot_is_told_of_counts_too(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as village:
        bot, account = village.server.bot, village.town.account
        bot.url = f"{village.live.context.public_url}/chat"
        payload = {"account_id": account, "user_id": village.users[0], "client_id": "somebody-elses-app"}
        bot.tell({"event": "app_deauthorized", "payload": payload})
        await bot.quiet()
        assert village.core.runtime.installations.get(village.live.id) is not None
        payload = {**payload, "client_id": village.server.app_client[0]}
        bot.tell({"event": "app_deauthorized", "payload": payload})
        await bot.quiet()
        await village.core.until(lambda: village.core.runtime.installations.get(village.live.id) is None)
        assert [row.verb for row in await village.rows(tables.audit) if row.verb == VERB] == [VERB]
        assert [attempt.status for attempt in bot.attempts] == [200, 200]
