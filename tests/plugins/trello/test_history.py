"""History becomes ties, the same ones however often its reading is killed, and never above Trello's limits."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

import tertulia_trello
from tertulia import Batch, Interaction, Participation, Place, RetryLater, Window
from tertulia.testing.context import EPOCH, FakeLimiter
from tertulia_trello.stand_in import Town
from tertulia_trello.stand_in.faults import storm
from tertulia_trello.ties import WEIGHTS


def place(bench: Any) -> frozenset[Place]:
    return frozenset({Place(platform="trello", ref=bench.board, kind="board")})


async def read(bench: Any, cursor: str | None = None) -> list[Batch[Any]]:
    return [batch async for batch in bench.platform.participation.since(cursor, place(bench))]


def facts(batches: list[Batch[Any]]) -> list[Interaction]:
    return [item for batch in batches for item in batch.items]


def ties(bench: Any, found: list[Interaction]) -> list[tuple[str, str, str]]:
    names = {bench.ana: "ana", bench.ben: "ben", bench.carla: "carla"}
    return [(tie.kind, names[tie.source.user], names[tie.target.user]) for tie in found]


def past(days: float) -> datetime:
    return EPOCH - timedelta(days=days)


async def test_each_kind_of_interaction_becomes_a_tie(open_bench: Any) -> None:
    async with open_bench() as bench:
        town, (ana, ben, carla) = bench.town, (bench.ana, bench.ben, bench.carla)
        to_do = town.add_list(bench.board, "To do")
        first, second, third = (town.card(ana, to_do, f"Card {number}") for number in range(3))
        town.comment(ana, first, "what about @ben and @nobody?", at=past(20))
        town.comment(ben, first, "fine", at=past(19))
        town.comment(carla, first, "and a month", at=past(9))
        town.comment(ana, first, "@tertulia kudos @carla for the tea", at=past(8))
        town.join(ana, second, ben, at=past(7.9))
        town.join(ben, second, carla, at=past(7.8))
        town.leave(ben, second, ben, at=past(7.7))
        town.join(carla, second, ana, at=past(7.6))
        town.attach(carla, first, "CANARY.png", at=past(7))
        item = town.item(town.checklist(third, "list")["id"], "one")["id"]
        town.comment(ben, third, "somebody tick this", at=past(6))
        town.tick(ana, item, at=past(5))
        town.tick(ana, item, at=past(4.9))
        found = facts(await read(bench))
        assert ties(bench, found) == [
            ("mention", "ana", "ben"),
            ("reply", "ben", "ana"),
            ("mention", "ana", "carla"),
            ("hand-over", "ana", "ben"),
            ("hand-over", "ben", "carla"),
            ("co-assignment", "carla", "ben"),
            ("hand-over", "ben", "ana"),
            ("co-assignment", "ana", "carla"),
            ("co-assignment", "carla", "ana"),
            ("help", "carla", "ana"),
            ("help", "ana", "ben"),
        ]
        assert all(tie.weight == WEIGHTS[tie.kind] for tie in found)
        assert not [one for one in found if isinstance(one, Participation)]
        assert bench.context.inbox.received == []


def lived(town: Town, board: str, people: list[str], count: int, seed: int) -> None:
    """Let a board live a year, quietly and with bursts."""
    draw = random.Random(seed)
    to_do = town.add_list(board, "To do")
    cards = [town.card(people[0], to_do, f"Card {number}") for number in range(40)]
    at, heard = past(364), town.heard
    town.heard = None
    step = 363 * 86_400 / count
    burst = 0
    for _ in range(count):
        burst = burst - 1 if burst else (1200 if draw.random() < 1 / 3000 else 0)
        at += timedelta(milliseconds=1 if burst else int(step * 1000 * draw.uniform(0.1, 1.7)))
        at = min(at, past(0.1))
        who, whom, card = draw.choice(people), draw.choice(people), draw.choice(cards)
        match draw.randrange(6):
            case 0 | 1 | 2:
                town.comment(who, card, f"CANARY @{town.members[whom]['username']}", at=at)
            case 3:
                town.join(who, card, whom, at=at)
            case 4:
                town.leave(who, card, whom, at=at)
            case _:
                town.attach(who, card, "CANARY", at=at)
    town.heard = heard


@pytest.mark.parametrize(
    "count", [5_000, pytest.param(100_000, marks=pytest.mark.campaign)], ids=lambda count: f"{count} actions"
)
async def test_an_import_killed_five_times_equals_one_that_was_not(open_bench: Any, count: int) -> None:
    async with open_bench() as bench:
        lived(bench.town, bench.board, [bench.ana, bench.ben, bench.carla], count, seed=count)
        whole = await read(bench)
        started = len(bench.server.journal)
        cursor, seen, kills = None, [], 0
        while kills < 5:
            # a fresh process each time, which knows the stored cursor and nothing else
            (platform,) = tertulia_trello.register_platforms(bench.context)
            reading = platform.participation.since(cursor, place(bench))
            for _ in range(1 + kills % 2):
                batch = await anext(reading)
                seen.append(batch)
                cursor = batch.cursor
            # dies while the next batch is under way: it was read, and never stored
            doomed = asyncio.ensure_future(anext(reading))
            await asyncio.sleep(0.005 * kills)
            doomed.cancel()
            await asyncio.gather(doomed, return_exceptions=True)
            await reading.aclose()
            kills += 1
        (platform,) = tertulia_trello.register_platforms(bench.context)
        seen += [batch async for batch in platform.participation.since(cursor, place(bench))]
        assert Counter(facts(seen)) == Counter(facts(whole))
        assert len(facts(whole)) > count // 2
        instants = [tie.at for tie in facts(seen)]
        assert instants == sorted(instants)
        assert len(bench.server.journal) - started < 90 + count // 250
        again = await read(bench, cursor=seen[-1].cursor)
        assert facts(again) == []


async def test_more_than_a_page_within_a_second_is_read_whole(open_bench: Any) -> None:
    async with open_bench() as bench:
        card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        bench.town.heard = None
        for number in range(2500):
            bench.town.comment(
                (bench.ana, bench.ben)[number % 2], card, "x", at=past(3) + timedelta(microseconds=number)
            )
        assert Counter(tie.kind for tie in facts(await read(bench))) == {"reply": 2499}


class Counting(FakeLimiter):
    """Let calls pass at the speed that the windows allow, in time that is only counted."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, list[float]] = {}
        self.now = 0.0

    async def acquire(self, limits: Any) -> None:
        await super().acquire(limits)
        for key, windows in limits.items():
            for window in windows:
                past_calls = self.at.setdefault(key, [])
                if len(past_calls) >= window.count:
                    self.now = max(self.now, past_calls[-window.count] + window.seconds)
        for key in limits:
            self.at[key].append(self.now)


async def test_no_call_goes_past_the_limits(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.context.limiter = counting = Counting()
        (bench.platform,) = tertulia_trello.register_platforms(bench.context)
        lived(bench.town, bench.board, [bench.ana, bench.ben], 800, seed=1)
        assert facts(await read(bench))
        async for _ in bench.platform.directory.members(None):
            pass
        assert len(counting.acquired) == len(bench.server.journal)
        for limits in counting.acquired:
            windows = {key.partition(":")[0]: windows for key, windows in limits.items()}
            assert windows["key"] == (Window(270, 10.0, 30),)
            assert windows["token"] == (Window(90, 10.0, 20),)
        on_members = [limits for limits in counting.acquired if any(key.startswith("members:") for key in limits)]
        asked = [one for one in bench.server.journal if one.path.startswith("/members")]
        assert len(on_members) == len(asked) == 1
        secrets = (bench.server.key, bench.server.token)
        assert not any(secret in key for limits in counting.acquired for key in limits for secret in secrets)


async def test_a_storm_of_429_is_slept_out_and_healed(open_bench: Any) -> None:
    async with open_bench() as bench:
        lived(bench.town, bench.board, [bench.ana, bench.ben], 300, seed=2)
        await bench.context.store.put(f"notice:{bench.board}", "told")
        bench.server.script(*storm(3))
        for _ in range(3):
            with pytest.raises(RetryLater) as raised:
                await read(bench)
            assert raised.value.after == timedelta(seconds=10)
            assert raised.value.everyone is not None
        assert [seconds for _, seconds in bench.context.limiter.penalties] == [10.0] * 3
        assert facts(await read(bench))


async def test_old_commands_are_not_carried_out_and_new_ones_once(open_bench: Any) -> None:
    async with open_bench() as bench:
        card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        bench.town.comment(bench.ana, card, "@tertulia kudos @ben for then", at=past(30))
        batches = await read(bench)
        assert bench.context.inbox.received == []
        bench.town.comment(bench.ana, card, "@tertulia kudos @ben for now")
        for _ in range(2):
            later = await read(bench, cursor=batches[-1].cursor)
            assert ties(bench, facts(later)) == [("mention", "ana", "ben")]
        (got,) = bench.context.inbox.received
        assert got.value.name == "kudos"
        assert [getattr(arg, "user", arg) for arg in got.value.args] == [bench.ben, "for now"]
        assert len(bench.server.carried_out("POST", "/actions/comments")) == 1


async def test_a_board_is_told_before_it_is_read_and_only_once(open_bench: Any) -> None:
    async with open_bench() as bench:
        lived(bench.town, bench.board, [bench.ana, bench.ben], 50, seed=3)
        for _ in range(2):
            await read(bench)
        told = [one for one in bench.town.cards.values() if one["name"].startswith("What Tertulia reads")]
        assert len(told) == 1
        assert "No comment, no title" in told[0]["desc"]
        first_read = next(i for i, one in enumerate(bench.server.journal) if one.path.endswith("/actions"))
        created = next(
            i for i, one in enumerate(bench.server.journal) if (one.method, one.path) == ("POST", "/cards")
        )
        assert created < first_read


async def test_a_year_of_a_large_board_is_read_quickly(open_bench: Any) -> None:
    async with open_bench() as bench:
        lived(bench.town, bench.board, [bench.ana, bench.ben, bench.carla], 4000, seed=4)
        begun = time.perf_counter()
        assert len(facts(await read(bench))) > 2000
        assert time.perf_counter() - begun < 10
