"""Accounts join persons by a directory or a code, never by a name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.people import Actor, Member
from tertulia.errors import Mistake, Refused
from tertulia.services import codes, directory, identities, people
from tertulia.storage import people as stored
from tertulia.storage import tables
from tertulia.storage.database import Tx

OpenWorld = Callable[[], Any]


def actor(user: str, platform: str = "teams", realm: str = "tenant") -> Actor:
    return Actor(platform=platform, realm=realm, user=user)


def member(user: str, name: str = "Ana", **said: Any) -> Member:
    return Member(actor=actor(user), name=name, **said)


async def took_part(world: Any, tx: Tx, identity: str, person: str | None = None) -> str:
    row = {"organization_id": world.organization, "id": world.runtime.new_id(), "workspace_id": world.workspace}
    fact = {"person_id": person, "identity_id": identity, "kind": "attended", "platform": "teams"}
    await tx.execute(tables.participation.insert().values(**row, **fact, started_at=world.clock.now()))
    return row["id"]


async def owner_of_fact(tx: Tx, fact: str) -> str | None:
    found: str | None = (
        await tx.execute(sa.select(tables.participation.c.person_id).filter_by(id=fact))
    ).scalar_one()
    return found


async def test_a_stranger_is_registered_once_and_only_counted(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        first = await identities.resolve(*of, actor("u1"))
        assert first.person is None
        assert await identities.resolve(*of, actor("u1")) == first
        other = await identities.resolve(*of, actor("u2"))
        await identities.resolve(*of, actor("u1", "zoom"))
        assert await identities.unresolved(tx, world.organization) == {"teams": 2, "zoom": 1}
        await took_part(world, tx, other.id)
        assert await identities.unresolved(tx, world.organization, world.workspace) == {"teams": 1}
        assert await identities.unresolved(tx, "f" * 32) == {}


async def test_resolving_leaves_no_trace_of_use(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        await identities.resolve(world.runtime, tx, world.organization, actor("u1"))
        before = await world.dump(tx)
        world.clock.advance(timedelta(days=30))
        await identities.resolve(world.runtime, tx, world.organization, actor("u1"))
        assert await world.dump(tx) == before


@pytest.mark.parametrize("user", ["", "x" * 201, "a\0b", "\ud800"])
async def test_impossible_names_are_refused(open_world: OpenWorld, user: str) -> None:
    async with open_world() as world, world.database.write() as tx:
        with pytest.raises(Refused):
            await identities.resolve(world.runtime, tx, world.organization, actor(user))


async def test_a_directory_email_links_on_a_declared_domain_only(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, world.workspace)
        ana = await world.person(tx, "Ana")
        await world.person(tx, "Bob", email="bob@sub.example.org")
        await world.person(tx, "Eve", email="eve@elsewhere.net")
        linked = await identities.take_member(*of, member("u1", email="ANA@Example.org"))
        assert (linked.person, linked.verified) == (ana, "directory_email")
        assert (await identities.take_member(*of, member("u2", email="bob@sub.example.org"))).person is None
        assert (await identities.take_member(*of, member("u3", email="eve@elsewhere.net"))).person is None
        assert (await identities.take_member(*of, member("u4", name="Ana"))).person is None
        assert (await identities.take_member(*of, member("u6", email="ana\0@example.org"))).person is None
        assert (await identities.take_member(*of, member("u7", directory_id="\0"))).person is None
        assert (await identities.take_member(*of, member("u5", email="evil@x.net@example.org"))).person is None


async def test_a_directory_id_links_within_its_realm(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, world.workspace)
        ana = await world.person(tx, "Ana")
        await identities.take_member(*of, member("object-1", email="ana@example.org"))
        same = Member(actor=actor("29:x", "graph"), name="?", directory_id="object-1")
        linked = await identities.take_member(*of, same)
        assert (linked.person, linked.verified) == (ana, "directory_id")
        foreign = Member(actor=actor("z", "zoom", "elsewhere"), name="Ana", directory_id="object-1")
        assert (await identities.take_member(*of, foreign)).person is None


async def test_an_account_stays_with_its_person_whatever_a_directory_says(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, world.workspace)
        ana, _ = await world.person(tx, "Ana"), await world.person(tx, "Bob")
        await identities.take_member(*of, member("u1", email="ana@example.org"))
        assert (await identities.take_member(*of, member("u1", email="bob@example.org"))).person == ana


async def test_the_address_follows_what_the_platform_says(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        found = await identities.reachable(*of, actor("u1"), {"conversation": "c"})
        assert (found.reachable, found.address) == (True, {"conversation": "c"})
        await identities.left(*of, actor("u1"))
        await identities.left(*of, actor("nobody"))
        found = await identities.resolve(*of, actor("u1"))
        assert (found.reachable, found.address) == (False, None)
        address = {"conversation": "d"}
        taken = await identities.take_member(*of, world.workspace, member("u1", address=address))
        assert (taken.reachable, taken.address) == (True, address)
        assert await identities.resolve(*of, actor("u1")) == taken
        assert await identities.unresolved(tx, world.organization) == {"teams": 1}


async def test_a_code_sent_from_the_account_links_it_with_its_past(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        stranger = await identities.resolve(*of, actor("u1"))
        fact = await took_part(world, tx, stranger.id)
        code = await codes.issue(*of, ana, "link")
        linked = await identities.link_by_code(*of, actor("u1"), code)
        assert linked is not None
        assert (linked.person, linked.verified) == (ana, "code")
        assert await owner_of_fact(tx, fact) == ana
        assert await identities.link_by_code(*of, actor("u2"), code) is None
        assert await identities.unresolved(tx, world.organization) == {}


async def test_a_code_does_not_take_an_account_from_another_person(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana, bob = await world.person(tx, "Ana"), await world.person(tx, "Bob")
        await identities.link_by_code(*of, actor("u1"), await codes.issue(*of, ana, "link"))
        with pytest.raises(Mistake, match="merge the two"):
            await identities.link_by_code(*of, actor("u1"), await codes.issue(*of, bob, "link"))


async def test_an_undone_link_is_not_made_again_by_itself(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        account = member("u1", email="ana@example.org")
        stranger = await identities.resolve(*of, actor("u1"))
        fact = await took_part(world, tx, stranger.id)
        await identities.take_member(*of, world.workspace, account)
        change = (await tx.execute(sa.select(tables.identity_change.c.id))).scalar_one()
        await identities.undo_link(*of, change, actor="root")
        assert await owner_of_fact(tx, fact) is None
        assert (await identities.take_member(*of, world.workspace, account)).person is None
        with pytest.raises(Mistake, match="no such link"):
            await identities.undo_link(*of, change, actor="root")
        assert await identities.link_by_code(*of, actor("u1"), await codes.issue(*of, ana, "link"))
        verbs = list((await tx.execute(sa.select(tables.audit.c.verb).order_by(tables.audit.c.sequence))).scalars())
        assert verbs[-3:] == ["identity.link", "identity.unlink", "identity.link"]


async def test_a_directory_enrols_only_where_an_admin_asked(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization, world.workspace)
        page = [
            member("u1", email="ana@example.org", zone="Asia/Tokyo", language="pt_br", team="Design"),
            member("u2", name="Bob", email="bob@example.org", zone="Pacific Standard Time"),
            member("u3", name="Guest", email="guest@elsewhere.net"),
        ]
        assert await directory.take(*of, page) == {"linked": 0, "unresolved": 3}
        assert await directory.take(*of, page, enrol=True) == {"linked": 2, "unresolved": 1}
        found = {one.name: one for one in await stored.members(tx, world.organization, world.workspace)}
        assert set(found) == {"Ana", "Bob"}
        assert (found["Ana"].zone, found["Ana"].languages, found["Ana"].team) == ("Asia/Tokyo", ("pt-BR",), "Design")
        assert found["Bob"].zone == "Europe/Madrid"
        await people.leave(*of, found["Bob"].id, actor="test")
        assert await directory.take(*of, page, enrol=True) == {"linked": 2, "unresolved": 1}
        assert [one.name for one in await stored.members(tx, world.organization, world.workspace)] == ["Ana"]
