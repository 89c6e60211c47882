"""Rituals of an affinity group: asked are its members, and no read-out anywhere tells who that is, or how many."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.services import (
    erasing,
    exporting,
    gallery,
    groups,
    measured,
    measuring,
    merging,
    my_data,
    preferences,
    programs,
    rounds,
    sign_ups,
)
from tertulia.services.program_document import ProgramMistake
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
CIRCLE = ("Ana", "Ben", "Cleo", "Dov", "Eve", "Fay")
PEOPLE = (*CIRCLE, "Gus", "Hal")
PROGRAM = """
[[practice]]
key = "canary-check"
kind = "check-in"
title = "Canary check-in"
audience = { groups = ["canary-circle"] }
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
reminders = ["2h"]
options = { visibility = "workspace" }

[[practice]]
key = "canary-coffee"
kind = "cafe"
title = "Canary coffee"
audience = { groups = ["canary-circle"] }
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T10:30", time = "local" }
open_for = "6h"
"""
SUMMIT = """
[[practice]]
key = "summit"
kind = "gathering"
title = "Summit"
audience = { groups = ["canary-circle"] }
cadence = { rule = "FREQ=YEARLY;COUNT=1", start = "2026-11-23T10:00", time = "local" }
open_for = "3d"

[practice.options]
dates = ["2027-01-12T10:00"]
zone = "Europe/Lisbon"
where = "Porto"
"""

PETS = """
[[practice]]
key = "canary-pets"
kind = "sharing"
title = "Canary pets"
audience = { groups = ["canary-circle"] }
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "3d"
options = { about = "pets" }
"""


async def circle(town: Any, *, program: str = PROGRAM) -> Id:
    """Found a private group with a program of its own."""
    for name in PEOPLE:
        await town.add(name, team="Labs")
    runtime, organization = town.runtime, town.organization
    async with runtime.database.write() as tx:
        ana = town.people["Ana"]
        about = {"name": "Canary Circle", "about": "For canaries.", "private": True}
        group = await groups.found(runtime, tx, organization, town.workspace, ana, **about)
        for name in CIRCLE[1:]:
            person = town.people[name]
            assert not await groups.join(runtime, tx, organization, group.id, person)
            await groups.decide(runtime, tx, organization, group.id, ana, person, let_in=True)
    await town.apply(program)
    return str(group.id)


async def test_only_members_are_asked_and_nothing_is_counted(
    open_town: OpenTown, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_town() as town:
        group = await circle(town)
        audited = len([row for row in await town.rows(tables.audit) if group in json.dumps(row, default=str)])
        assert audited == 0
        await town.join("canary-coffee", *CIRCLE)
        with pytest.raises(Mistake, match="no such practice to join"):
            await town.join("canary-coffee", "Gus")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Fay"])
        await town.live(MONDAY + timedelta(hours=11))
        assert {name for name in PEOPLE if town.letters(name)} == set(CIRCLE) - {"Fay"}
        for name in ("Ana", "Ben"):
            asked = [letter.title for letter in town.letters(name)].index("Canary check-in")
            assert (await town.answer(name, {"going": "3", "work": "Canary words."}, letter=asked)).status == "taken"
        await town.live(MONDAY + timedelta(days=7, hours=9))
        await measuring.publish_due(town.runtime, measured.KINDS)
        assert await town.rows(tables.participation) == await town.rows(tables.interaction) == []
        await no_read_out_tells(town, caplog, group)


async def no_read_out_tells(town: Any, caplog: pytest.LogCaptureFixture, group: Id) -> None:
    organization, workspace = town.organization, town.workspace
    async with town.runtime.database.write() as tx:
        exported = await exporting.export(town.runtime, tx, organization, workspace)
        for one in await rounds.recent(tx, organization, workspace):
            shown = await rounds.progress(tx, organization, one.id)
            assert shown is not None
            counts = [count for states in shown.deliveries.values() for count in states.values()]
            # six members, one of whom opted out: nothing but multiples of five, and no answer of two
            assert all(count % 5 == 0 for count in [*counts, shown.answered, shown.passed])
        stranger = json.dumps(await my_data.collect(town.runtime, tx, organization, town.people["Gus"]))
        own = await my_data.collect(town.runtime, tx, organization, town.people["Ana"])
        figures = await measuring.published(tx, organization, workspace)
    assert [row["name"] for row in own["groups"]] == ["Canary Circle"]
    assert {one["answered"] for one in exported["rounds"]} <= {0, None}
    assert {one["invited"] for one in exported["rounds"]} <= {0, 5}
    ids = [town.people[name] for name in CIRCLE]
    for text in (json.dumps(exported["rounds"]), stranger, repr(figures)):
        assert not any(one in text for one in [*ids, group, "Canary Circle", "Canary words."])
    assert "canary" not in stranger.casefold()
    assert "canary" not in repr(figures)
    entries = [row for row in await town.rows(tables.audit) if group in json.dumps(row, default=str)]
    assert entries == []
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert group not in told
    assert "canary" not in told.casefold()
    assert not any(one in told for one in ids)


async def test_what_a_group_shares_hangs_for_the_group_alone(open_town: OpenTown) -> None:
    async with open_town() as town:
        await circle(town, program=PETS)
        await town.live(MONDAY + timedelta(hours=10))
        told = town.letters("Ana")[-1].recorded
        reply = await town.answer("Ana", {"words": "Canary words."})
        assert reply.status == "taken"
        # who is asked is told who sees it, before and after
        assert all("only the members of the group are meant" in one for one in (told, reply.text.plain()))
        seen = {}
        async with town.runtime.database.read() as tx:
            for name in ("Ana", "Ben", "Gus"):
                walls = await gallery.walls(town.runtime, tx, town.organization, town.people[name])
                seen[name] = [piece.name for one in walls for piece in one.pieces]
        assert seen == {"Ana": ["Ana"], "Ben": ["Ana"], "Gus": []}


async def test_who_leaves_is_asked_no_more_and_seen_no_more(open_town: OpenTown) -> None:
    async with open_town() as town:
        group = await circle(town)
        await town.join("canary-coffee", *CIRCLE)
        await town.live(MONDAY + timedelta(hours=9, minutes=40))
        await town.answer("Ben", {"going": "3"})
        async with town.runtime.database.write() as tx:
            whose = (town.organization, group, town.people["Ben"])
            await groups.leave(town.runtime, tx, *whose)
        before = len(town.letters("Ben"))
        reply = await town.answer("Ben", {"going": "4"})
        assert reply.status == "refused"
        await town.live(MONDAY + timedelta(days=7, hours=12))
        assert len(town.letters("Ben")) == before
        async with town.runtime.database.read() as tx:
            joined = await sign_ups.signed_up(tx, town.organization, town.workspace, "canary-coffee")
        assert set(joined) == {town.people[name] for name in CIRCLE if name != "Ben"}
        # whoever comes back is asked again
        async with town.runtime.database.write() as tx:
            await groups.join(town.runtime, tx, *whose)
            await groups.decide(town.runtime, tx, *whose[:2], town.people["Ana"], whose[2], let_in=True)
        await town.live(MONDAY + timedelta(days=14, hours=12))
        assert town.letters("Ben")[-1].title == "Canary check-in"


async def test_a_summit_is_a_gathering_of_the_group(open_town: OpenTown) -> None:
    async with open_town() as town:
        await circle(town, program=SUMMIT)
        await town.live(MONDAY + timedelta(hours=12))
        assert {name for name in PEOPLE if town.letters(name)} == set(CIRCLE)
        await town.answer("Ana", {"dates": ["0"]})
        await town.live(MONDAY + timedelta(days=3, hours=12))
        assert town.letters("Dov")[-1].title == "You are invited"
        assert await town.rows(tables.participation) == []


async def test_a_program_cannot_make_a_group_part_of_a_report_or_of_a_shared_place(open_town: OpenTown) -> None:
    async with open_town() as town:
        await circle(town)
        survey = PROGRAM.replace('kind = "check-in"', 'kind = "single-question"')
        with pytest.raises(ProgramMistake, match="never part of a report"):
            await town.apply(survey)
        with pytest.raises(ProgramMistake, match="carried by no shared place"):
            await town.apply(PROGRAM.replace("reminders", 'places = ["square:hall"]\nreminders'))
        with pytest.raises(Mistake, match="there is no group 'canaries'"):
            await town.apply(PROGRAM.replace('["canary-circle"]', '["canaries"]'))
        async with town.runtime.database.write() as tx:
            plan = await programs.plan(town.runtime, tx, town.organization, town.workspace, SUMMIT)
        assert "a group" in plan.text()
        assert "6 people" not in plan.text()


async def test_erasing_merging_and_closing_take_the_membership_along(open_town: OpenTown) -> None:
    async with open_town() as town:
        group = await circle(town)
        ana, ben, cleo, gus = (town.people[name] for name in ("Ana", "Ben", "Cleo", "Gus"))
        async with town.runtime.database.write() as tx:
            await erasing.erase(town.runtime, tx, town.organization, ana, actor="test")
            merged = await merging.merge(town.runtime, tx, town.organization, kept=gus, gone=ben, actor="test")
        members = {row["person_id"]: row for row in await town.rows(tables.affinity_member)}
        assert ana not in members
        assert ben not in members
        assert members[gus]["joined_at"] is not None
        async with town.runtime.database.write() as tx:
            await merging.undo(town.runtime, tx, town.organization, merged, actor="test")
            # the keeper is gone, so that any member may look after the group
            await groups.keep(tx, town.organization, group, cleo)
        members = {row["person_id"]: row for row in await town.rows(tables.affinity_member)}
        assert gus not in members
        assert ben in members
        assert members[cleo]["keeper"]
        # once it is closed, none of its practices asks anybody, and who was in it is forgotten
        async with town.runtime.database.write() as tx:
            await groups.close(town.runtime, tx, town.organization, town.workspace, "canary-circle", actor="test")
        await town.live(MONDAY + timedelta(hours=12))
        assert town.letters() == []
        assert await town.rows(tables.affinity_member) == []
