"""The two-person rule: nobody alone changes what could expose people, and nothing is carried out twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.services import erasing, fewest, merging, my_data, people, programs, proposals, retention, second_person
from tertulia.storage import people as stored
from tertulia.storage import tables
from tertulia.storage.database import Tx

Open = Callable[[], AbstractAsyncContextManager[Any]]
PROGRAM = """\
# what we ask
[[practice]]
key = "pulse"  # every month
kind = "pulse"
title = "Pulse"
cadence = { rule = "FREQ=MONTHLY", start = "2026-03-02T09:00" }
"""


ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the kind of database does not matter."""


class Staff:
    """The people of a world, by name, with their roles."""

    def __init__(self, world: Any):
        self.world = world
        self.ids: dict[str, Id] = {}

    async def hire(self, tx: Tx, **roles: str) -> Staff:
        for name, role in roles.items():
            self.ids[name] = await self.world.person(tx, name)
            if role != "member":
                await people.grant(self.world.runtime, tx, *self.home, self.ids[name], role, actor="test")
        return self

    @property
    def home(self) -> tuple[Id, Id]:
        return self.world.organization, self.world.workspace

    async def propose(self, tx: Tx, by: str, what: str, **detail: Any) -> Id:
        place = {"organization": self.world.organization, "workspace": self.world.workspace}
        if what == "domains":
            place["workspace"] = None
        if "person" in detail:
            detail["person"] = self.ids[detail["person"]]
        made: Id = await second_person.propose(
            self.world.runtime, tx, **place, what=what, detail=detail, by=self.ids[by]
        )
        return made

    async def decide(self, tx: Tx, by: str, proposal: Id, approve: bool = True) -> None:
        whose = {"organization": self.world.organization, "proposal": proposal, "by": self.ids[by]}
        await second_person.decide(self.world.runtime, tx, **whose, approve=approve)

    async def roles(self, tx: Tx, name: str) -> frozenset[str]:
        return (await stored.roles_of(tx, self.world.organization, self.ids[name])).get(
            self.world.workspace, frozenset()
        )


async def log(tx: Tx) -> list[tuple[str, str]]:
    table = tables.audit.c
    rows = await tx.execute(sa.select(table.verb, table.actor).order_by(table.sequence))
    return [(row.verb, row.actor) for row in rows if row.verb.partition(".")[0] in ("proposal", "role", "program")]


@ON_ONE
async def test_another_person_with_the_role_approves_and_it_is_done_once(open_world: Open) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Cleo="admin", Dan="member", Eva="analyst")
            made = await staff.propose(tx, "Cleo", "role.grant", person="Dan", role="admin")
        async with world.database.write() as tx:
            for who, why in (("Cleo", "somebody else"), ("Dan", "Only an owner"), ("Eva", "Only an owner")):
                with pytest.raises(Mistake, match=why):
                    await staff.decide(tx, who, made)
            assert await staff.roles(tx, "Dan") == frozenset()
            await staff.decide(tx, "Ben", made)
            assert await staff.roles(tx, "Dan") == {"admin"}
            for approve in (True, False):
                with pytest.raises(Mistake, match="was approved already"):
                    await staff.decide(tx, "Ana", made, approve)
            assert (await log(tx))[-3:] == [
                ("proposal.make", staff.ids["Cleo"]),
                ("proposal.approve", staff.ids["Ben"]),
                ("role.grant", staff.ids["Ben"]),
            ]
            found = await proposals.find(tx, world.organization, made)
            names = await proposals.named(tx, world.organization, [found])
            assert second_person.words(found, names) == "Give Dan the role admin."


async def test_two_who_decide_at_once_carry_it_out_once(open_world: Open) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Cleo="owner", Dan="member")
            made = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="responder")

        async def approve(who: str) -> str:
            try:
                async with world.database.write() as tx:
                    await staff.decide(tx, who, made)
            except Mistake as mistake:
                return str(mistake)
            return "done"

        answers = await asyncio.gather(*map(approve, ("Ben", "Cleo")))
        assert sorted(answers)[1] == "done"
        assert "already" in sorted(answers)[0] or "a moment ago" in sorted(answers)[0]
        async with world.database.read() as tx:
            done = [verb for verb, _ in await log(tx) if verb in ("role.grant", "proposal.approve")]
            assert done == ["role.grant"] * 3 + ["proposal.approve", "role.grant"]


@ON_ONE
async def test_one_human_being_with_two_accounts_is_one_person(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ana2="owner", Ben="owner", Dan="member")
        made = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
        whose = {"kept": staff.ids["Ana2"], "gone": staff.ids["Ana"], "actor": "test"}
        await merging.merge(world.runtime, tx, world.organization, **whose)
        for who in ("Ana", "Ana2"):
            with pytest.raises(Mistake, match="You proposed this yourself"):
                await staff.decide(tx, who, made)
        await staff.decide(tx, "Ben", made)
        assert await staff.roles(tx, "Dan") == {"analyst"}


@ON_ONE
async def test_a_proposal_is_taken_back_turned_down_or_ends(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="admin", Dan="member")
        first = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
        with pytest.raises(Mistake, match="waits for approval already"):
            await staff.propose(tx, "Ben", "role.grant", person="Dan", role="analyst")
        await staff.decide(tx, "Ana", first, approve=False)
        second = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
        with pytest.raises(Mistake, match="Only an owner or an admin"):
            await staff.decide(tx, "Dan", second, approve=False)
        await staff.decide(tx, "Ben", second, approve=False)
        third = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
        now = world.clock.now()
        states = {one.id: one.state for one in await proposals.past(tx, *staff.home, now)}
        assert states == {first: "withdrawn", second: "refused"}
        assert [one.id for one in await proposals.waiting(tx, *staff.home, now)] == [third]
        world.clock.set(world.clock.now() + timedelta(days=7))
        with pytest.raises(Mistake, match="ended on 2026-03-09"):
            await staff.decide(tx, "Ben", third)
        now = world.clock.now()
        assert await proposals.waiting(tx, *staff.home, now) == []
        assert (await proposals.past(tx, *staff.home, now))[0].id == third
        assert await staff.roles(tx, "Dan") == frozenset()


@ON_ONE
async def test_what_changed_meanwhile_is_not_approved(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Cleo="admin", Dan="member", Eva="analyst")
        grant, revoke = (
            await staff.propose(tx, "Cleo", "role.grant", person="Dan", role="responder"),
            await staff.propose(tx, "Ana", "role.revoke", person="Eva", role="analyst"),
        )
        await people.grant(world.runtime, tx, *staff.home, staff.ids["Dan"], "responder", actor="test")
        await people.leave(world.runtime, tx, *staff.home, staff.ids["Eva"], actor="test")
        for made, why in ((grant, "is responder already"), (revoke, "not a member")):
            with pytest.raises(Mistake, match=why):
                await staff.decide(tx, "Ben", made)
            found = await proposals.find(tx, world.organization, made)
            assert await second_person.out_of_date(world.runtime, tx, found)
        await people.revoke(world.runtime, tx, *staff.home, staff.ids["Dan"], "responder", actor="test")
        await people.revoke(world.runtime, tx, *staff.home, staff.ids["Cleo"], "admin", actor="test")
        with pytest.raises(Mistake, match="may not do so any more"):
            await staff.decide(tx, "Ben", grant)


@ON_ONE
async def test_whoever_lost_the_role_cannot_approve_and_admins_make_no_owners(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Cleo="admin", Dan="admin")
        owner = await staff.propose(tx, "Cleo", "role.grant", person="Dan", role="owner")
        analyst = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
        with pytest.raises(Mistake, match="Only an owner can"):
            await staff.decide(tx, "Dan", owner)
        await people.revoke(world.runtime, tx, *staff.home, staff.ids["Cleo"], "admin", actor="test")
        with pytest.raises(Mistake, match="Only an owner or an admin"):
            await staff.decide(tx, "Cleo", analyst)
        with pytest.raises(Mistake, match="Only an owner or an admin can propose"):
            await staff.propose(tx, "Cleo", "role.grant", person="Dan", role="responder")


@ON_ONE
async def test_what_makes_no_sense_is_not_proposed(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="admin")
        for what, detail, why in (
            ("nothing", {}, "cannot be proposed"),
            ("role.grant", {"person": "Ben", "role": "admin"}, "is admin already"),
            ("role.grant", {"person": "Ben", "role": "king"}, "is unknown"),
            ("role.grant", {"role": "admin"}, "not a member"),
            ("role.revoke", {"person": "Ana", "role": "owner"}, "last owner"),
            ("role.revoke", {"person": "Ben", "role": "owner"}, "is not owner"),
            ("export", {"of": "candles", "form": "csv"}, "Choose one"),
            ("domains", {"domains": ["gmail.com"]}, "gives addresses to anybody"),
            ("domains", {"domains": ["example.org"]}, "already"),
            ("threshold", {"practice": "pulse", "fewest": 6}, "no such survey"),
        ):
            with pytest.raises(Mistake, match=why):
                await staff.propose(tx, "Ana", what, **detail)
        assert (await tx.execute(sa.select(tables.proposal))).all() == []


@ON_ONE
async def test_another_organization_s_proposal_does_not_exist(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="owner")
        made = await staff.propose(tx, "Ana", "domains", domains=["example.net"])
        other = await people.create_organization(world.runtime, tx, name="Other", actor="test")
        with pytest.raises(Mistake, match="no such proposal"):
            await second_person.decide(
                world.runtime, tx, organization=other, proposal=made, by=staff.ids["Ben"], approve=True
            )
        await staff.decide(tx, "Ben", made)
        known = await stored.organization(tx, world.organization)
        assert known is not None
        assert known.domains == {"example.net"}


@ON_ONE
async def test_domains_take_owners_of_two_workspaces_where_there_are_two(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Cleo="member", Dan="member")
        alone = await staff.propose(tx, "Ana", "domains", domains=["one.example"])
        # nobody owns the other workspace yet
        at = {"name": "Elsewhere", "actor": "test"}
        other = await people.create_workspace(world.runtime, tx, world.organization, **at)
        await staff.decide(tx, "Ben", alone)
        made = await staff.propose(tx, "Ana", "domains", domains=["two.example"])
        for name in ("Ana", "Cleo", "Dan"):
            await people.join(world.runtime, tx, world.organization, other, staff.ids[name], actor="test")
        where = (world.runtime, tx, world.organization, other)
        await people.grant(*where, staff.ids["Cleo"], "owner", actor="test")
        await people.grant(*where, staff.ids["Dan"], "admin", actor="test")
        found = await proposals.find(tx, world.organization, made)
        assert await second_person.others(tx, found) == [staff.ids["Cleo"]]
        for who, why in (("Ben", "own a workspace that whoever proposed it does not own"), ("Dan", "Only an owner")):
            for approve in (True, False):
                with pytest.raises(Mistake, match=why):
                    await staff.decide(tx, who, made, approve)
        await staff.decide(tx, "Cleo", made)
        known = await stored.organization(tx, world.organization)
        assert known is not None
        assert known.domains == {"two.example"}
        # whoever owns all workspaces has another owner of any of them approve
        await people.grant(*where, staff.ids["Ana"], "owner", actor="test")
        both = await staff.propose(tx, "Ana", "domains", domains=["three.example"])
        await staff.decide(tx, "Ben", both)


async def test_a_threshold_is_changed_in_the_document_by_two(open_stage: Open) -> None:
    async with open_stage() as stage, stage.database.write() as tx:
        staff = await Staff(stage).hire(tx, Ana="owner", Ben="admin")
        where = {"organization": stage.organization, "workspace": stage.workspace}
        await programs.apply(stage.runtime, tx, **where, text=PROGRAM, actor="test")
        for wanted, why in ((3, "greater than or equal to 5"), ("many", "whole number"), (5, "is 5 already")):
            with pytest.raises(Mistake, match=why):
                await staff.propose(tx, "Ana", "threshold", practice="pulse", fewest=wanted)
        made = await staff.propose(tx, "Ana", "threshold", practice="pulse", fewest=8)
        # what else changes in the program meanwhile stays
        theirs = PROGRAM.replace('"Pulse"', '"Our pulse"')
        await programs.apply(stage.runtime, tx, **where, text=theirs, actor="test")
        found = await proposals.find(tx, stage.organization, made)
        said = "Let at least 8 people stand behind every figure of the survey “pulse”, instead of 5."
        assert second_person.words(found, {}) == said
        await staff.decide(tx, "Ben", made)
        now = await programs.show(tx, *where.values())
        assert fewest.thresholds(stage.runtime, now.program) == {"pulse": 8}
        assert now.document.startswith(theirs.rstrip())
        assert ("program.threshold", staff.ids["Ben"]) in await log(tx)
        lower = await staff.propose(tx, "Ben", "threshold", practice="pulse", fewest=6)
        raised = now.document.replace("fewest = 8", "fewest = 9")
        await programs.apply_agreed(stage.runtime, tx, **where, text=raised, actor="cli:root")
        with pytest.raises(Mistake, match="has changed since it was proposed"):
            await staff.decide(tx, "Ana", lower)


@ON_ONE
async def test_the_only_owner_names_a_second_one_once(open_world: Open) -> None:
    async with open_world() as world, world.database.write() as tx:
        staff = await Staff(world).hire(tx, Ana="owner", Ben="admin", Cleo="member")
        where = {"organization": world.organization, "workspace": world.workspace}

        async def name(by: str, person: str) -> None:
            whose = {"person": staff.ids[person], "by": staff.ids[by]}
            await second_person.name_second_owner(world.runtime, tx, **where, **whose)

        with pytest.raises(Mistake, match="Nobody else here could approve this"):
            await staff.propose(tx, "Ana", "role.grant", person="Cleo", role="admin")
        assert await second_person.may_name_second_owner(tx, *staff.home, staff.ids["Ana"])
        with pytest.raises(Mistake, match="Only the one owner"):
            await name("Ben", "Ben")
        await name("Ana", "Cleo")
        assert await staff.roles(tx, "Cleo") == {"owner"}
        with pytest.raises(Mistake, match="Only the one owner"):
            await name("Ana", "Ben")
        await people.revoke(world.runtime, tx, *staff.home, staff.ids["Cleo"], "owner", actor="test")
        with pytest.raises(Mistake, match="allowed once"):
            await name("Ana", "Ben")
        assert not await second_person.may_name_second_owner(tx, *staff.home, staff.ids["Ana"])
        assert ("proposal.second_owner", staff.ids["Ana"]) in await log(tx)


async def test_what_is_kept_of_people_is_shown_and_erased_and_goes(open_world: Open) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            staff = await Staff(world).hire(tx, Ana="owner", Ben="owner", Dan="member")
            made = await staff.propose(tx, "Ana", "role.grant", person="Dan", role="analyst")
            shown = await my_data.collect(world.runtime, tx, world.organization, staff.ids["Ana"])
            assert [(one["what"], one["state"]) for one in shown["proposals"]] == [("role.grant", "waiting")]
            for who in ("Ana", "Dan"):
                await erasing.erase(world.runtime, tx, world.organization, staff.ids[who], "test")
            row = (await tx.execute(sa.select(tables.proposal).filter_by(id=made))).one()
            assert not {staff.ids["Ana"], staff.ids["Dan"]} & {row.proposed_by, row.detail["person"]}
            with pytest.raises(Mistake, match="may not do so any more"):
                await staff.decide(tx, "Ben", made)
        swept = await retention.sweep(world.runtime, world.clock.now() + timedelta(days=1103))
        assert swept["proposal"] == 1
