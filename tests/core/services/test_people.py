"""Who belongs where and may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.people import Place
from tertulia.errors import Mistake
from tertulia.services import people
from tertulia.storage import audit, tables
from tertulia.storage import people as stored
from tertulia.storage.database import Tx

OpenWorld = Callable[[], Any]


async def verbs(tx: Tx) -> list[str]:
    return list((await tx.execute(sa.select(tables.audit.c.verb).order_by(tables.audit.c.sequence))).scalars())


async def test_a_new_person_takes_after_the_workspace(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await stored.person(tx, world.organization, await world.person(tx, "Ana", team="Design"))
        assert ana is not None
        assert (ana.zone, ana.languages, ana.team, ana.worker_type) == (
            "Europe/Madrid",
            ("es",),
            "Design",
            "employee",
        )
        assert [one.id for one in await stored.members(tx, world.organization, world.workspace)] == [ana.id]


async def test_an_email_belongs_to_one_person(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        await world.person(tx, "Ana")
        bob = await world.person(tx, "Bob")
        with pytest.raises(Mistake, match="email belongs to another person"):
            await world.person(tx, "Ana", email="ANA@example.org")
        fields = {"email": "ana@example.org"}
        with pytest.raises(Mistake, match="email belongs to another person"):
            await people.change_person(world.runtime, tx, world.organization, bob, fields, actor="test")


async def test_a_change_names_its_fields_in_the_audit_but_no_value(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana", team="Design")
        change = {"zone": "Asia/Tokyo", "team": None}
        await people.change_person(world.runtime, tx, world.organization, ana, change, actor="root")
        found = await stored.person(tx, world.organization, ana)
        assert found is not None
        assert (found.zone, found.team, found.name) == ("Asia/Tokyo", None, "Ana")
        last = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(1))).one()
        assert (last.verb, last.subject, last.detail) == ("person.change", ana, {"fields": ["team", "zone"]})
        assert await audit.verify(tx, world.runtime.vault) == []


async def test_names_of_organizations_and_workspaces_are_unique(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        with pytest.raises(Mistake, match="choose another name"):
            await people.create_organization(world.runtime, tx, name=" Acme ", actor="test")
        with pytest.raises(Mistake, match="choose another name"):
            await people.create_workspace(world.runtime, tx, world.organization, name="Madrid", actor="test")
        with pytest.raises(Mistake, match="no such organization"):
            await people.create_workspace(world.runtime, tx, "f" * 32, name="Madrid", actor="test")


@pytest.mark.parametrize("domain", ["gmail.com", "not a domain", "org"])
async def test_a_domain_must_be_the_organizations_own(open_world: OpenWorld, domain: str) -> None:
    async with open_world() as world, world.database.write() as tx:
        with pytest.raises(Mistake, match="domain"):
            await people.declare_domains(world.runtime, tx, world.organization, [domain], actor="test")


async def test_members_leave_with_their_roles_and_may_come_back(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, bob = await world.person(tx, "Ana"), await world.person(tx, "Bob")
        of = (world.runtime, tx, world.organization, world.workspace)
        await people.grant(*of, ana, "owner", actor="test")
        await people.grant(*of, bob, "host", actor="test")
        await people.leave(*of, bob, actor="test")
        assert await stored.roles_of(tx, world.organization, bob) == {}
        assert await stored.workspaces_of(tx, world.organization, bob) == []
        world.clock.advance(timedelta(days=1))
        await people.join(*of, bob, actor="test")
        await people.join(*of, bob, actor="test")
        assert await stored.workspaces_of(tx, world.organization, bob) == [world.workspace]
        with pytest.raises(Mistake, match="last owner"):
            await people.leave(*of, ana, actor="test")


async def test_roles_are_for_members_and_audited(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, eve = await world.person(tx, "Ana"), await world.person(tx, "Eve", member=False)
        of = (world.runtime, tx, world.organization, world.workspace)
        await people.grant(*of, ana, "admin", actor="test")
        await people.grant(*of, ana, "admin", actor="test")
        await people.revoke(*of, ana, "admin", actor="test")
        await people.revoke(*of, ana, "admin", actor="test")
        assert [verb for verb in await verbs(tx) if verb.startswith("role")] == ["role.grant", "role.revoke"]
        with pytest.raises(Mistake, match="Only members"):
            await people.grant(*of, eve, "admin", actor="test")
        with pytest.raises(Mistake, match="role 'king' is unknown"):
            await people.grant(*of, ana, "king", actor="test")


async def test_another_organization_reaches_nobody(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana")
        other = await people.create_organization(world.runtime, tx, name="Other", actor="test")
        with pytest.raises(Mistake, match="no such person"):
            await people.change_person(world.runtime, tx, other, ana, {"name": "X"}, actor="test")
        with pytest.raises(Mistake, match="no such workspace"):
            await people.join(world.runtime, tx, other, world.workspace, ana, actor="test")
        await people.leave(world.runtime, tx, other, world.workspace, ana, actor="test")
        assert await stored.workspaces_of(tx, world.organization, ana) == [world.workspace]


async def test_a_place_is_registered_once(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, world.workspace)
        place = Place(platform="teams", ref="19:x", kind="channel")
        first = await people.declare_place(*of, place)
        assert await people.declare_place(*of, place, origin="host") == first
        assert await stored.places(tx, world.organization, world.workspace) == {first: place}
        with pytest.raises(Mistake, match="ref"):
            await people.declare_place(*of, Place(platform="teams", ref="", kind="channel"))
