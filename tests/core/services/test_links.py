"""Personal links, on both databases: hashed, expiring, and only for their one person and round."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from tertulia.services import links
from tertulia.storage.tables import link

OpenWorld = Callable[[], AbstractAsyncContextManager[Any]]
ROUND = "f" * 32


async def test_links_are_made_in_bulk_and_each_finds_its_person(open_world: OpenWorld) -> None:
    async with open_world() as world:
        runtime = world.runtime
        runtime.config = SimpleNamespace(public_url="https://tertulia.example")
        expires = world.clock.now() + timedelta(days=1)
        async with world.database.write() as tx:
            people = [await world.person(tx, name) for name in ("Ana", "Bo", "Cleo")]
            urls = await links.make_many(runtime, tx, world.organization, ROUND, people, expires)
            one = await links.make(runtime, tx, world.organization, people[0], ROUND, expires)
        assert len({*urls.values(), one}) == 4
        async with world.database.read() as tx:
            for person, url in urls.items():
                prefix, _, secret = url.rpartition("/")
                assert prefix == "https://tertulia.example/a"
                assert len(secret) == 22
                found = await links.find(runtime, tx, secret)
                assert found == links.Link(
                    organization=world.organization, person=person, round=ROUND, expires=expires
                )
            rows = str((await tx.execute(sa.select(link))).all())
            assert not any(url.rpartition("/")[2] in rows for url in urls.values())


async def test_an_expired_link_finds_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world:
        world.runtime.config = SimpleNamespace(public_url="https://tertulia.example")
        async with world.database.write() as tx:
            ana = await world.person(tx, "Ana")
            expires = world.clock.now() + timedelta(days=1)
            url = await links.make(world.runtime, tx, world.organization, ana, ROUND, expires)
        secret = url.rpartition("/")[2]
        world.clock.advance(timedelta(days=1))
        async with world.database.read() as tx:
            assert await links.find(world.runtime, tx, secret) is None
            assert await links.find(world.runtime, tx, "\udc00") is None
