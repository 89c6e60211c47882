"""Participation as it is published: counted once over all platforms, rounded, and about nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Place
from tertulia.domain.programs import Cadence, Practice
from tertulia.measures.figures import COMPANY, Figure
from tertulia.services import measured, measuring
from tertulia.storage import tables
from tertulia.surveys.confidentiality.candidates import Group

OpenStage = Callable[[], Any]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the database does not matter."""
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
ROOM = Place(platform="square", ref="room", kind="meeting")
EVENING = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T19:00", time="common", zone="UTC")
CHECK_IN = Practice(key="pulse", kind="check-in", title="Check-in", cadence=EVENING, places=(ROOM,), ask="both")
SECRETS = ("canary", "Ana0", "words")


async def staff(stage: Any) -> list[Id]:
    """Make 45 people: 30 employees and 15 freelancers, in two teams and two time zones."""
    async with stage.database.write() as tx:
        return [
            await stage.person(
                tx,
                f"Ana{number}",
                team="North" if number % 2 else "South",
                worker_type="freelancer" if number >= 30 else "employee",
                zone="Asia/Tokyo" if number % 3 == 0 else "Europe/Madrid",
            )
            for number in range(45)
        ]


async def lived(stage: Any, practice: Practice, said: Mapping[str, Sequence[Id]], invited: Sequence[Id]) -> Id:
    """Let a round have happened: whom it invited, and who did what."""
    now = stage.clock.now()
    round_id: Id = await stage.open_round(practice)
    await stage.change_round(round_id, opens_at=now, closes_at=now + HOUR, state="closed")
    of = {"organization_id": stage.organization, "round_id": round_id}
    async with stage.database.write() as tx:
        shard = {"id": round_id, "purpose": "invite", "origin": now, "due": now, "size": 1, "state": "done"}
        await tx.execute(tables.shard.insert().values(**of, **shard, epoch=0, lease_until=0.0))
        for seq, person in enumerate(invited):
            state = "failed" if seq < 5 else "sent"
            sent = {"shard_id": round_id, "seq": seq, "purpose": "invite", "recipient": person, "target": "person"}
            await tx.execute(tables.delivery.insert().values(**of, **sent, state=state, attempts=1, next_at=0.0))
        for kind in ("answered", "passed"):
            for person in said.get(kind, ()):
                given = {"person_id": person, "values": {"text": "canary words"}, "passed": kind == "passed"}
                more = {"visibility": "me", "platform": "web", "version": 1, "given_at": now}
                await tx.execute(tables.response.insert().values(**of, **given, **more))
        for minutes, kind in ((30, "attended"), (2, "looked_in")):
            for person in said.get(kind, ()):
                for platform in ("square", "circle"):
                    fact = {"id": stage.runtime.new_id(), "workspace_id": stage.workspace, "person_id": person}
                    ended = {"started_at": now, "ended_at": now + minutes * timedelta(minutes=1)}
                    await tx.execute(
                        tables.participation.insert().values(
                            **of, **fact, **ended, kind="attended", platform=platform
                        )
                    )
    return round_id


async def figures(stage: Any) -> list[Figure]:
    assert await measuring.publish_due(stage.runtime, measured.KINDS) == 0
    async with stage.database.read() as tx:
        found: list[Figure] = await measuring.published(
            tx, stage.organization, stage.workspace, families=["participation"]
        )
        return found


def one(some: Sequence[Figure], key: str, about: str = "", group: Group = COMPANY) -> Figure:
    (found,) = [figure for figure in some if (figure.key, figure.about, figure.group) == (key, about, group)]
    return found


def kind(worker_type: str) -> Group:
    return Group(family="attribute", terms=(("worker_type", worker_type),))


async def test_the_funnel_and_reach_of_a_week(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage)
        await stage.apply(CHECK_IN)
        stage.clock.advance(WEEK - timedelta(hours=2))
        acts = {
            "answered": people[:12],
            "passed": people[12:20],
            "attended": people[5:22],
            "looked_in": people[22:30],
        }
        first = await lived(stage, CHECK_IN, acts, people[:40])
        await lived(stage, CHECK_IN, {"answered": people[:11]}, people)
        stage.clock.advance(WEEK)
        some = await figures(stage)
        about = f"round:{first}"
        for key, count in (("invited", 40), ("reached", 35), ("responded", 20), ("attended", 17)):
            figure = one(some, key, about)
            assert figure.least is not None
            assert figure.most is not None
            assert figure.least <= count <= figure.most
            assert figure.most - figure.least >= 1
            assert figure.denominator == 45
        reach = one(some, "reach")
        assert (reach.numerator, reach.least, reach.most, reach.n) == (20, 18, 22, 45)
        assert one(some, "repeat").numerator == 10
        again = one(some, "repeat_share")
        assert again.low is not None
        assert again.high is not None
        assert again.low < 100 * 11 / 22 < again.high
        assert one(some, "reach", "practice:pulse").numerator == 20
        assert one(some, "reach/web", "platform:web").numerator == 10
        employees, freelancers = (one(some, "reach", group=kind(name)) for name in ("employee", "freelancer"))
        assert (employees.numerator, freelancers.numerator) == (20, 0)
        difference = one(some, "reach_difference")
        assert difference.value == pytest.approx((employees.value or 0) - (freelancers.value or 0))
        assert difference.low is not None
        assert difference.low > 0
        assert one(some, "inequality").withheld == "too few people"


@ON_SQLITE
async def test_hours_are_a_burden_for_whom_they_are_night(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage)
        await stage.apply(CHECK_IN)
        for hour in (7, 19):
            stage.clock.set(stage.clock.now().replace(hour=9) + timedelta(days=1))
            stage.clock.set(stage.clock.now().replace(hour=hour) + timedelta(days=1))
            await lived(stage, CHECK_IN, {}, people)
        stage.clock.advance(WEEK)
        some = await figures(stage)
        zones = [Group(family="attribute", terms=(("zone", name),)) for name in ("Asia/Tokyo", "Europe/Madrid")]
        assert [one(some, "burden", group=zone).value for zone in zones] == [50.0, 50.0]  # 16 and 4; 8 and 20 o'clock
        assert one(some, "burden_spread").value == 0
        assert one(some, "reach").least == 0


@ON_SQLITE
async def test_without_a_common_moment_fairness_says_what_is_missing(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await staff(stage)
        await stage.apply(CHECK_IN)
        stage.clock.advance(WEEK)
        spread = one(await figures(stage), "burden_spread")
        assert (spread.value, spread.n) == (None, 0)
        assert "at one moment" in str(spread.withheld)


@ON_SQLITE
async def test_a_merged_person_counts_once(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage)
        await stage.apply(CHECK_IN)
        stage.clock.advance(WEEK)
        await lived(stage, CHECK_IN, {"answered": people[:14]}, people)
        async with stage.database.write() as tx:
            twin = await stage.person(tx, "Twin", member=False)
            table = tables.person
            await tx.execute(table.update().where(table.c.id == people[0]).values(merged_into=twin))
            old = tables.response
            await tx.execute(old.update().where(old.c.person_id == people[0]).values(person_id=twin))
        stage.clock.advance(WEEK)
        reach = one(await figures(stage), "reach")
        assert (reach.least, reach.most) == (13, 17)


@ON_SQLITE
async def test_nothing_published_names_anybody_or_says_what_was_written(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage)
        await stage.apply(CHECK_IN)
        stage.clock.advance(WEEK)
        await lived(stage, CHECK_IN, {"answered": people[:20]}, people)
        stage.clock.advance(WEEK)
        await figures(stage)
        async with stage.database.read() as tx:
            dump = await stage.dump(tx)
        told = repr([dump[name] for name in ("measure_period", "measure_release", "measure_figure")])
        assert not [secret for secret in (*SECRETS, *people) if secret in told]
        assert "canary" not in repr(dump["measure_roster"])


@ON_SQLITE
async def test_of_a_survey_only_its_published_counts_are_told(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await staff(stage)
        survey = Practice(key="survey", kind="check-in", title="Survey", cadence=EVENING)
        await stage.apply(survey)
        stage.clock.advance(WEEK)
        rounds = [await stage.open_round(survey) for _ in range(2)]
        for round_id, answered in zip(rounds, (25, 0), strict=True):
            counts = {"figures": {"invited": 43, "answered": answered}}
            ends = {"opens_at": stage.clock.now(), "closes_at": stage.clock.now(), "state": "released"}
            await stage.change_round(round_id, **ends, confidential=True, summary=counts)
        stage.clock.advance(WEEK)
        some = await figures(stage)
        told = one(some, "answered", f"round:{rounds[0]}")
        assert (told.numerator, told.denominator, told.least, told.most) == (25, 40, 25, 29)
        assert told.low is not None
        assert told.high is not None
        assert told.low < 100 * 25 / 44 < 100 * 29 / 40 < told.high
        assert one(some, "answered", f"round:{rounds[1]}").withheld == "too few people"


@ON_SQLITE
async def test_before_anything_was_held_there_is_no_reach_to_compare_with(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await staff(stage)
        stage.clock.advance(WEEK)
        assert [one for one in await figures(stage) if one.key.startswith(("reach", "repeat", "inequality"))] == []
