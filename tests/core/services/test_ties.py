"""Ties from what platforms report to what is published: order is of no account, and nobody's own network shows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.participation import Interaction, InteractionKind
from tertulia.domain.people import Actor
from tertulia.measures.figures import Figure
from tertulia.measures.ties.asked import FEWEST
from tertulia.measures.ties.edges import Edges, week_label, week_number
from tertulia.measures.ties.network import WEEKS, Network
from tertulia.services import erasing, facts, measuring, merging, ties
from tertulia.services.facts import Scope
from tertulia.services.identities import resolve
from tertulia.storage import tables

OpenWorld = Callable[[], Any]
KINDS: Sequence[InteractionKind] = ("comment", "mention", "reply", "kudos", "co-attendance", "help", "reaction")
WEEK = timedelta(weeks=1)


def actor(number: int) -> Actor:
    return Actor(platform="toy", realm="realm", user=f"user{number}")


async def staff(world: Any, teams: dict[str, int]) -> list[Id]:
    """Make members with one account each."""
    ids = []
    async with world.database.write() as tx:
        for team, size in teams.items():
            for number in range(size):
                worker = "freelancer" if number % 3 == 0 else "employee"
                city = ("Madrid", "Lima")[number % 2]
                person = await world.person(tx, f"{team}{number}", team=team, location=city, worker_type=worker)
                known = await resolve(world.runtime, tx, world.organization, actor(len(ids)))
                linked = tables.identity.update().where(tables.identity.c.id == known.id)
                await tx.execute(linked.values(person_id=person, verified="import"))
                ids.append(person)
    return ids


def scope(world: Any) -> Scope:
    return Scope(organization=world.organization, workspace=world.workspace, installation="f" * 32)


async def told(world: Any, calls: Sequence[Sequence[Interaction]]) -> None:
    async with world.database.write() as tx:
        await facts.record_interactions(world.runtime, tx, scope(world), calls)


async def edges(world: Any, ids: Sequence[Id], ago: int = 0) -> Edges:
    last = week_number(facts.week_of(world.clock.now())) - ago
    places = {one: place for place, one in enumerate(ids)}
    async with world.database.read() as tx:
        return await ties.weekly(
            tx, world.runtime.vault, world.organization, world.workspace, last - WEEKS + 1, last, places
        )


def rows(some: Edges) -> list[tuple[int, ...]]:
    columns = (some.week, some.source, some.target, some.given, some.shared)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def drawn(seed: int, now: datetime, people: int, count: int) -> list[Interaction]:
    lot = random.Random(seed)
    return [
        Interaction(
            source=actor(lot.randrange(people)),
            target=actor(lot.randrange(people)),
            kind=lot.choice(KINDS),
            at=now - timedelta(minutes=lot.randrange(60 * 24 * 90)),
            weight=lot.choice([0.25, 0.5, 1.0]),
        )
        for _ in range(count)
    ]


async def test_order_repetitions_ties_with_oneself_and_late_events_change_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world:
        ids = await staff(world, {"Sales": 6})
        events = [one for one in drawn(7, world.clock.now(), 6, 60) if one.source != one.target]
        await told(world, [[one] for one in events])
        whole = rows(await edges(world, ids))
        assert len(whole) > 20
        async with world.database.write() as tx:
            await tx.execute(tables.interaction.delete())
            await tx.execute(tables.seen.delete())
        lot, parts = random.Random(8), list(events)
        lot.shuffle(parts)
        oneself = [Interaction(source=actor(1), target=actor(1), kind="reply", at=world.clock.now())]
        for start in range(0, len(parts), 13):
            late = parts[max(0, start - 5) : start + 13]  # some come twice, and most after later ones
            await told(world, [*[[one] for one in late], oneself])
        assert rows(await edges(world, ids)) == whole


async def test_only_people_with_a_place_in_the_window_are_read(open_world: OpenWorld) -> None:
    async with open_world() as world:
        ids = await staff(world, {"Sales": 3})
        now = world.clock.now()
        await told(
            world,
            [
                [Interaction(source=actor(0), target=actor(1), kind="reply", at=now)],
                [Interaction(source=actor(0), target=actor(2), kind="reply", at=now)],
                [Interaction(source=actor(1), target=actor(0), kind="reply", at=now - WEEKS * WEEK)],
                [Interaction(source=actor(1), target=actor(0), kind="reaction", at=now)],
                [Interaction(source=actor(1), target=actor(0), kind="co-attendance", at=now, weight=0.5)],
            ],
        )
        found = await edges(world, ids[:2])
        this = week_number(facts.week_of(now))
        assert rows(found) == [(this, 0, 1, 1000, 0), (this, 1, 0, 0, 500)]
        assert week_label(this) == facts.week_of(now)


async def test_whoever_was_merged_is_the_one_who_stands_for_them_and_whoever_is_erased_is_nobody(
    open_world: OpenWorld,
) -> None:
    async with open_world() as world:
        ids = await staff(world, {"Sales": 4})
        now = world.clock.now()
        pairs = [(0, 1), (3, 1), (3, 0), (2, 1)]
        await told(world, [[Interaction(source=actor(a), target=actor(b), kind="reply", at=now)] for a, b in pairs])
        async with world.database.write() as tx:
            await merging.merge(world.runtime, tx, world.organization, kept=ids[0], gone=ids[3], actor="test")
            await erasing.erase(world.runtime, tx, world.organization, ids[2], "test")
        found = await edges(world, ids)
        assert [(row[1], row[2], row[3]) for row in rows(found)] == [(0, 1, 2000)]


TEAMS = {"Sales": 24, "Support": 21, "Product": 15, "Legal": 4}


async def lived(world: Any, seed: int = 1) -> list[Id]:
    """Let a quarter go by in which teams talk most among themselves; Legal and one of Sales talk with nobody."""
    ids = await staff(world, TEAMS)
    bounds = {"Sales": (0, 23), "Support": (24, 45), "Product": (45, 60)}
    lot, said = random.Random(seed), []
    for week in range(WEEKS):
        at = world.clock.now() + week * WEEK
        for first, end in bounds.values():
            for one in range(first, end):
                others = [*lot.sample(range(first, end), 4), lot.randrange(23), lot.randrange(24, 60)]
                said += [
                    Interaction(source=actor(one), target=actor(other), kind="reply", at=at)
                    for other in others
                    if other != one
                ]
    for start in range(0, len(said), 500):
        await told(world, [said[start : start + 500]])
    world.clock.advance(WEEKS * WEEK)
    return ids


async def published(world: Any) -> list[Figure]:
    assert await measuring.publish_due(world.runtime, [ties.KIND]) == 0
    async with world.database.read() as tx:
        return await measuring.published(tx, world.organization, world.workspace, families=["ties"])


async def test_figures_are_about_ten_people_or_more_and_name_nobody(open_world: OpenWorld) -> None:
    async with open_world() as world:
        ids = await lived(world)
        figures = await published(world)
        shown = {(one.key, one.group.key): one for one in figures if one.withheld is None}
        assert all(one.n >= FEWEST for one in shown.values())
        company = {key: one for (key, group), one in shown.items() if group == "[]"}
        network = Network.of(await edges(world, ids, ago=1), len(ids))
        assert company["partners"].value is not None
        assert abs(company["partners"].value - network.partners.mean()) <= 0.25
        index, chance = company["ei_team"], company["ei_team_chance"]
        assert index.value is not None
        assert index.low is not None
        assert index.high is not None
        assert chance.low is not None
        assert -1 <= index.low < index.value < index.high < chance.low  # they talk most inside their teams
        assert company["largest_part"].value == 0.92  # 59 of 64, in steps of 0.02
        assert company["isolated"].numerator == 5
        teams = {group for key, group in shown if key == "ei_team" and "team" in group}
        assert '[["team","Sales"]]' in teams
        assert not any("Legal" in group for _, group in shown)
        # what is told of all teams but Legal and of everybody would tell about the four
        assert not {f'[["team","{team}"]]' for team in ("Sales", "Support", "Product")} <= teams
        async with world.database.read() as tx:
            for table in (tables.measure_figure, tables.measure_release):
                kept = [dict(row._mapping) for row in await tx.execute(sa.select(table))]
                assert kept
                text = json.dumps(kept, default=str)
                assert not any(one in text for one in ids)
                assert "user" not in text


async def test_a_quarter_without_ties_has_figures_that_say_so(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await staff(world, {"Sales": 12})
        world.clock.advance(WEEK)
        figures = {one.key: one for one in await published(world) if one.group.key == "[]"}
        assert figures["ei_team"].withheld == "there is nothing to measure here"
        assert figures["fragmentation"].withheld == "too few people"  # 1 would say of each that they have no tie
        assert (figures["partners"].value, figures["partners"].low) == (0.5, 0)
        assert (figures["isolated"].numerator, figures["isolated"].n) == (0, 10)  # all of them came this week
        for _ in range(8):
            world.clock.advance(WEEK)
        figures = {one.key: one for one in await published(world) if one.group.key == "[]"}
        assert figures["isolated"].numerator == 12 // 5 * 5
