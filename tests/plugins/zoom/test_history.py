"""Attendance against an oracle that counts seconds, and what the records of Zoom make up for."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Interaction, Keep, Participation, Place, Raw, RetryLater
from tertulia.storage import tables
from tertulia.testing.context import EPOCH
from tertulia_zoom.attendance import Stay, attendance, enough, shared, united
from tertulia_zoom.events import guest, reported_stays
from tertulia_zoom.history import MeetingHistory
from tertulia_zoom.stand_in import faults
from tertulia_zoom.stand_in.state import Instance
from tertulia_zoom.webhooks import AccountWebhook

SECOND = timedelta(seconds=1)


# -- the oracle: no interval, only seconds ---------------------------------------------------------------------------


def seconds_of(instance: Instance) -> dict[str, set[int]]:
    """Say in which seconds somebody was there, by what really happened."""
    there: dict[str, set[int]] = defaultdict(set)
    for stay in instance.stays:
        who = stay.user or guest(instance.uuid, stay.device)
        first, last = ((at - instance.started) // SECOND for at in (stay.joined, stay.left or instance.ended))
        there[who] |= set(range(first, last))
    return there


def expected(instance: Instance) -> set[tuple[str, int, int]]:
    """Say who attended, and when: runs of seconds."""
    length = (instance.ended - instance.started) // SECOND
    runs = set()
    for who, seconds in seconds_of(instance).items():
        if len(seconds) >= 300 or len(seconds) * 4 >= length:
            begins = [second for second in seconds if second - 1 not in seconds]
            for begin in begins:
                end = begin
                while end in seconds:
                    end += 1
                runs.add((who, begin, end))
    return runs


def stated(facts: list[Any], instance: Instance) -> set[tuple[str, int, int]]:
    return {
        (fact.actor.user, (fact.started - instance.started) // SECOND, (fact.ended - instance.started) // SECOND)
        for fact in facts
        if isinstance(fact, Participation)
    }


# -- a meeting -------------------------------------------------------------------------------------------------------


class _Drawn(deque[Any]):
    """Hold or lose each event by lot."""

    def __init__(self, tell: Callable[[], bool]):
        super().__init__([None])
        self._tell = tell

    def popleft(self) -> str:
        return "held" if self._tell() else "lost"


class Hall:
    """Let a crowd come and go by a seed: rejoins, second devices, guests, rooms, and leaves that nobody tells."""

    def __init__(self, bench: Any, seed: int, people: int, *, silent: float):
        self.bench, self.random, self.silent = bench, random.Random(seed), silent
        self.meetings = bench.server.meetings
        self.plan: list[tuple[int, int, Callable[[], None]]] = []
        self.users = [bench.town.add_user(f"Person {n}", f"p{n}@example.org") for n in range(people * 4 // 5)]
        self.guests = people - len(self.users)

    def hold(self, minutes: int, tell: Callable[[], bool] | None = None) -> Instance:
        """Hold the meeting; what *tell* says no to is lost on the way, where it is given."""
        sender = self.bench.server.sender
        if tell is not None:
            sender.fates = _Drawn(tell)
        instance = self.meetings.start(self.bench.number)
        length = minutes * 60
        for user in self.users:
            for _ in range(2 if self.random.random() < 0.1 else 1):
                self._comes_and_goes(instance, user, length)
        for _ in range(self.guests):
            self._comes_and_goes(instance, "", length)
        began = self.bench.clock.now()
        for second, _, act in sorted(self.plan, key=lambda one: one[:2]):
            self.bench.clock.advance(began + timedelta(seconds=second) - self.bench.clock.now())
            act()
        self.bench.clock.advance(began + timedelta(seconds=length) - self.bench.clock.now())
        self.meetings.end(instance)
        sender.fates.clear()
        return instance

    def _comes_and_goes(self, instance: Instance, user: str, length: int) -> None:
        device = self.bench.town.uuid()
        name = "" if user else "Person 1"  # guests call themselves like members
        times = sorted(self.random.sample(range(length), self.random.choice([2, 2, 4, 6])))
        for begin, end in zip(times[::2], times[1::2], strict=True):
            here: list[Any] = []
            stays_to_the_end = end == times[-1] and self.random.random() < 0.3
            self._at(begin, lambda here=here: here.append(self.meetings.join(instance, user, name, device=device)))
            if self.random.random() < 0.2 and end - begin > 20:
                self._visits_a_room(instance, here, begin + 5, end - 5)
            if not stays_to_the_end:
                lost = self.random.random() < self.silent
                self._at(end, lambda here=here, lost=lost: self.meetings.leave(instance, here[-1], silently=lost))

    def _visits_a_room(self, instance: Instance, here: list[Any], begin: int, end: int) -> None:
        room = f"room-{self.random.randrange(4)}"
        self._at(begin, lambda: here.append(self.meetings.enter(instance, here[-1], room)))
        self._at(end, lambda: here.append(self.meetings.exit(instance, here[-1])))

    def _at(self, second: int, act: Callable[[], None]) -> None:
        self.plan.append((second, len(self.plan), act))


async def keep(bench: Any, *, drop: Callable[[Any], bool] = lambda event: False, repeat: bool = False) -> int:
    """Put what the meeting told where the core would put it; *drop* is what was lost on the way."""
    webhook, kept = AccountWebhook(bench.desk.settings), 0
    events = [event for event in bench.server.sender.held if not drop(event)]
    bench.server.sender.held.clear()
    random.Random(1).shuffle(events)
    for event in events * (2 if repeat else 1):
        raw = Raw(method="POST", url="", headers={}, body=json.dumps(event).encode(), query={})
        for fact in webhook.facts(raw):
            if isinstance(fact, Keep):
                await bench.context.store.put(fact.key, dict(fact.value))
                kept += 1
    return kept


async def read(bench: Any, cursor: str | None = None) -> tuple[list[Any], str | None]:
    place = Place(platform="zoom", ref=bench.number, kind="meeting")
    facts: list[Any] = []
    async for batch in bench.platform.participation.since(cursor, frozenset({place})):
        facts += batch.items
        cursor = batch.cursor
    return facts, cursor


@pytest.mark.parametrize("seed", [1, 2])
async def test_three_hundred_people(open_bench: Any, seed: int) -> None:
    """Rejoins, two devices, guests, rooms, 15 % of the leaves untold, events twice and in any order."""
    print("seed", seed)
    async with open_bench() as bench:
        bench.server.sender.fate = "held"
        instance = Hall(bench, seed, 300, silent=0.15).hold(60)
        assert await keep(bench, repeat=True) > 1000
        bench.clock.advance(timedelta(minutes=10))
        facts, _ = await read(bench)
        assert stated(facts, instance) == expected(instance)
        assert len({who for who, _, _ in expected(instance)}) > 200
        assert not [fact for fact in facts if isinstance(fact, Interaction) and fact.source == fact.target]
        left = [key for key in bench.context.store.values if key.startswith("event:")]
        assert left == []


@pytest.mark.campaign
async def test_three_hundred_people_through_the_real_core(open_village: Any, tmp_path: Path) -> None:
    """Every event over the wire, all of them within seconds, some lost; each is answered within Zoom's 3 s."""
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as village:
        sender = village.server.sender
        draw = random.Random(9)
        slowest = 0.0
        instance = Hall(village, 9, 300, silent=0.15).hold(60, tell=lambda: draw.random() < 0.9)
        while sender.held:
            some, sender.held = sender.held[:50], sender.held[50:]
            begun = time.monotonic()
            for event in some:
                sender.fate = "sent"
                sender.tell(event)
            await sender.quiet()
            slowest = max(slowest, time.monotonic() - begun)
        assert {one.status for one in sender.attempts} == {200}
        assert slowest < 3.0
        print("events", len(sender.attempts), "slowest fifty", round(slowest, 2))
        await village.handled()
        village.clock.advance(timedelta(hours=6))
        wanted = {run for run in expected(instance) if not run[0].startswith("guest:")}

        async def kept() -> set[tuple[str, int, int]]:
            rows = await village.rows(tables.participation)
            accounts = {row.id: row.user for row in await village.rows(tables.identity)}
            return {
                (
                    accounts[row.identity_id],
                    (row.started_at - instance.started) // SECOND,
                    (row.ended_at - instance.started) // SECOND,
                )
                for row in rows
            }

        async def all_there() -> bool:
            return {run for run in await kept() if not run[0].startswith("guest:")} == wanted

        await village.core.until(all_there, seconds=120)


async def test_records_alone_are_enough(open_bench: Any) -> None:
    """Every event of the meeting was lost: the core reads it within hours all the same."""
    async with open_bench() as bench:
        bench.server.sender.fate = "lost"
        instance = Hall(bench, 3, 60, silent=0.0).hold(45)
        bench.clock.advance(timedelta(hours=6))
        facts, cursor = await read(bench)
        by_account = {run for run in expected(instance) if not run[0].startswith("guest:")}
        assert {run for run in stated(facts, instance) if not run[0].startswith("guest:")} == by_account
        again, _ = await read(bench, cursor)
        assert again == []  # nothing is stated twice


async def test_events_alone_are_enough(open_bench: Any) -> None:
    """A free account has no records of who was there."""
    async with open_bench(plan="free") as bench:
        bench.server.sender.fate = "held"
        instance = Hall(bench, 4, 60, silent=0.0).hold(45)
        await keep(bench)
        bench.server.choose = lambda method, path: faults.not_on_plan() if "/users" not in path else None
        with pytest.raises(RetryLater):
            await read(bench)  # records may yet come, so it is too early
        bench.clock.advance(timedelta(minutes=100))
        facts, _ = await read(bench)
        assert stated(facts, instance) == expected(instance)


async def test_a_lost_hour_of_events_is_made_up_for(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "held"
        instance = Hall(bench, 5, 80, silent=0.1).hold(120)
        began = EPOCH.timestamp()
        await keep(bench, drop=lambda event: 1800 <= event["event_ts"] / 1000 - began < 5400)
        bench.clock.advance(timedelta(minutes=10))
        facts, _ = await read(bench)
        by_account = {run for run in expected(instance) if not run[0].startswith("guest:")}
        assert {run for run in stated(facts, instance) if not run[0].startswith("guest:")} == by_account


async def test_the_report_is_read_where_the_list_has_nothing(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "lost"
        instance = Hall(bench, 6, 20, silent=0.0).hold(30)
        bench.server.choose = lambda method, path: (
            faults.refusal(404) if path.startswith("/past_meetings/") and path.endswith("/participants") else None
        )
        bench.clock.advance(timedelta(hours=6))
        facts, _ = await read(bench)
        assert {who for who, _, _ in stated(facts, instance)} >= {
            who for who, _, _ in expected(instance) if not who.startswith("guest:")
        }
        assert bench.server.arrived("GET", "/report/meetings/{meetingId}/participants")


async def test_an_account_that_cannot_grant_reports_is_read_all_the_same(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "lost"
        instance = bench.server.meetings.start(bench.number)
        bench.server.meetings.join(instance, bench.users[0])  # alone, and of that no list is made
        bench.clock.advance(timedelta(minutes=30))
        bench.server.meetings.end(instance)
        bench.clock.advance(timedelta(hours=6))
        bench.server.choose = lambda method, path: faults.no_scope() if path.startswith("/report") else None
        assert (await read(bench))[0] == []


async def test_a_running_meeting_is_not_stated(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "held"
        meetings = bench.server.meetings
        instance = meetings.start(bench.number)
        for user in bench.users:
            meetings.join(instance, user)
        bench.clock.advance(timedelta(minutes=20))
        await keep(bench)
        facts, cursor = await read(bench)
        assert facts == []
        assert len([key for key in bench.context.store.values if key.startswith("event:")]) == 4
        bench.clock.advance(timedelta(minutes=20))
        meetings.end(instance)
        await keep(bench)
        bench.clock.advance(timedelta(minutes=10))
        facts, _ = await read(bench, cursor)
        assert stated(facts, instance) == expected(instance)


async def test_a_meeting_whose_end_nobody_tells_is_given_up(open_bench: Any) -> None:
    """Zoom lost the end, and has no record: what is known after three days is stated, and its events go."""
    async with open_bench(plan="free") as bench:
        bench.server.sender.fate = "held"
        meetings = bench.server.meetings
        instance = meetings.start(bench.number)
        stays = [meetings.join(instance, user) for user in bench.users]
        bench.clock.advance(timedelta(minutes=20))
        for stay in stays:
            meetings.leave(instance, stay)
        await keep(bench)
        bench.clock.advance(timedelta(days=1))
        assert (await read(bench))[0] == []
        bench.clock.advance(timedelta(days=3))
        facts, _ = await read(bench)
        assert {run[0] for run in stated(facts, instance)} == set(bench.users)
        assert not [key for key in bench.context.store.values if key.startswith("event:")]


async def test_events_of_a_meeting_that_is_no_place_any_more_are_forgotten(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "held"
        instance = bench.server.meetings.start(bench.number)
        bench.server.meetings.join(instance, bench.users[0])
        await keep(bench)
        for days, kept in ((1, 2), (4, 0)):
            bench.clock.advance(timedelta(days=days))
            assert [batch async for batch in MeetingHistory(bench.desk).since(None, frozenset())] == []
            assert len([key for key in bench.context.store.values if key.startswith("event:")]) == kept, days


async def test_each_occurrence_of_a_meeting_is_its_own(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "lost"
        meetings, found = bench.server.meetings, []
        _, cursor = await read(bench)
        for _ in range(3):
            instance = meetings.start(bench.number)
            for user in bench.users:
                meetings.join(instance, user)
            bench.clock.advance(timedelta(minutes=20))
            meetings.end(instance)
            bench.clock.advance(timedelta(days=7))
            facts, cursor = await read(bench, cursor)
            found.append({fact.started for fact in facts if isinstance(fact, Participation)})
        assert [len(starts) for starts in found] == [1, 1, 1]
        assert len(set.union(*found)) == 3
        assert len(json.loads(cursor)[bench.number]["done"]) <= 1  # older ones are not listed to us again


async def test_nothing_from_before_a_meeting_took_part(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.sender.fate = "lost"
        instance = bench.server.meetings.start(bench.number)
        for user in bench.users:
            bench.server.meetings.join(instance, user)
        bench.clock.advance(timedelta(minutes=30))
        bench.server.meetings.end(instance)
        bench.clock.advance(timedelta(days=3))
        assert (await read(bench))[0] == []


# -- the rule --------------------------------------------------------------------------------------------------------

MOMENT = st.integers(0, 600)
STAYS = st.lists(st.tuples(st.sampled_from("abc"), MOMENT, MOMENT, st.booleans()), max_size=8)


@settings(max_examples=300, deadline=None, database=None)
@given(STAYS, st.integers(1, 600))
def test_the_rule_counts_seconds(stays: list[tuple[str, int, int, bool]], length: int) -> None:
    end = EPOCH + timedelta(seconds=length)
    told, there = [], defaultdict(set)
    for number, (who, one, other, told_leaving) in enumerate(stays):
        begin, leave = min(one, other, length), min(max(one, other), length)
        left = EPOCH + timedelta(seconds=leave) if told_leaving else None
        told.append(Stay(who=who, session=str(number), joined=EPOCH + timedelta(seconds=begin), left=left))
        there[who] |= set(range(begin, leave if told_leaving else length))
    found = attendance(told, EPOCH, end)
    assert set(found.present) == {w for w, s in there.items() if len(s) >= 300 or len(s) * 4 >= length}
    for who, times in found.present.items():
        assert sum(((b - a) // SECOND for a, b in times), 0) == len(there[who])
    for (one, other), weight in found.together.items():
        both = len(there[one] & there[other])
        assert both >= 300 or both * 4 >= length
        assert weight == pytest.approx(1 / (len(found.present) - 1))


def at(minute: float) -> datetime:
    return EPOCH + timedelta(minutes=minute)


def test_a_crowd_makes_no_ties_but_its_rooms_do() -> None:
    crowd = [Stay(who=f"p{n}", session=str(n), joined=at(0), left=at(60)) for n in range(40)]
    assert attendance(crowd, at(0), at(60)).together == {}
    rooms = [Stay(who=f"p{n}", session=str(n), joined=at(10), left=at(20), room=f"room {n // 3}") for n in range(6)]
    found = attendance([*crowd, *rooms], at(0), at(60)).together
    assert found == {(f"p{a}", f"p{b}"): 0.5 for a, b in [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]}


def test_a_report_tells_rooms() -> None:
    rows = [
        {"id": who, "user_id": who, "join_time": "2026-01-05T09:00:00Z", "leave_time": "2026-01-05T09:30:00Z", **room}
        for who, room in (("a", {"bo_mtg_id": "27423744"}), ("b", {"bo_mtg_id": "27423744"}), ("c", {}))
    ]
    waits = {**rows[2], "id": "d", "user_id": "d", "status": "in_waiting_room"}
    stays = reported_stays("uuid", [*rows, waits], [])
    assert [(stay.who, stay.room) for stay in stays] == [("a", "27423744"), ("b", "27423744"), ("c", None)]


def test_people_who_miss_each_other_have_no_tie() -> None:
    early = Stay(who="a", session="1", joined=at(0), left=at(28))
    late = Stay(who="b", session="2", joined=at(27), left=at(60))
    found = attendance([early, late], at(0), at(60))
    assert set(found.present) == {"a", "b"}
    assert found.together == {}


def test_a_short_meeting_needs_a_quarter() -> None:
    assert enough([(at(0), at(1))], timedelta(minutes=4))
    assert not enough([(at(0), at(1))], timedelta(minutes=5))
    assert enough([(at(0), at(5))], timedelta(hours=8))
    assert not enough([], timedelta(0))
    assert united([(at(0), at(2)), (at(2), at(3)), (at(1), at(2))]) == ((at(0), at(3)),)
    assert shared([(at(0), at(2))], [(at(1), at(3))]) == ((at(1), at(2)),)
