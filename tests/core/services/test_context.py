"""A plugin's store is its installation's own, whatever the keys look like; subscriptions keep their address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from tertulia.config import Config
from tertulia.errors import PluginError, Refused
from tertulia.runtime import Runtime
from tertulia.services.context import InstallationContext, SealedStore
from tertulia.storage import tables
from tertulia.storage.database import Database

Pair = tuple[Runtime, InstallationContext, InstallationContext]
OpenPair = Callable[[], AbstractAsyncContextManager[Pair]]


@pytest.fixture
def open_pair(open_world: Callable[[], Any]) -> OpenPair:
    """Open two installations of one organization."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Pair]:
        async with open_world() as world:
            runtime: Runtime = world.runtime
            runtime.config = cast(Config, PublicUrl())
            made = [await context(world, plugin) for plugin in ("aster", "birch")]
            yield runtime, made[0], made[1]

    return opened


class PublicUrl:
    """Stand for the one part of the configuration that is asked."""

    public_url = "https://t.example.org"
    sandbox = False


async def context(world: Any, plugin: str) -> InstallationContext:
    """Make a context with a row of its own."""
    key = world.runtime.new_id()
    row = {
        "organization_id": world.organization,
        "id": key,
        "workspace_id": world.workspace,
        "plugin": plugin,
        "settings": b"",
        "enabled": True,
        "version": 1,
    }
    async with world.database.write() as tx:
        await tx.execute(tables.installation.insert().values(row))
    unused: Any = None
    return InstallationContext(
        plugin=plugin,
        organization=world.organization,
        installation=key,
        workspace=world.workspace,
        settings=unused,
        http=unused,
        runtime=world.runtime,
        make_inbox=unused,
        make_live=unused,
        render=unused,
    )


async def everything(store: SealedStore, prefix: str) -> list[tuple[str, Any]]:
    """Return what a scan yields."""
    return [pair async for pair in store.scan(prefix)]


async def test_what_was_put_comes_back_until_it_is_deleted(open_pair: OpenPair) -> None:
    async with open_pair() as (_, mine, _other):
        value = {"text": "ñandú", "numbers": [1, 2.5, None, True]}
        assert await mine.store.get("key") is None
        await mine.store.put("key", {"old": 1})
        await mine.store.put("key", value)
        assert await mine.store.get("key") == value
        await mine.store.delete("key")
        await mine.store.delete("key")
        assert await mine.store.get("key") is None


async def test_of_many_who_put_something_new_one_is_told_so(open_pair: OpenPair) -> None:
    async with open_pair() as (runtime, mine, other):
        writer: Any = runtime.database
        # another worker has connections of its own
        url = writer.raw_writer().url.set(drivername=writer.dialect).render_as_string(hide_password=False)
        database = Database.open(url, checkpoints=False)
        worker = replace(mine, runtime=replace(runtime, database=database))
        try:
            asked = [store.put_new("once", number) for number, store in enumerate([mine.store, worker.store] * 8)]
            told = await asyncio.gather(*asked)
        finally:
            await database.close()
        assert told.count(True) == 1
        assert await mine.store.get("once") == told.index(True)
        assert await other.store.put_new("once", "theirs"), "each installation has its own"
        await mine.store.delete("once")
        assert await mine.store.put_new("once", "again")


async def test_two_installations_never_see_each_other_s_values(open_pair: OpenPair) -> None:
    async with open_pair() as (_, mine, other):
        await mine.store.put("shared name", "mine")
        assert await other.store.get("shared name") is None
        assert await everything(other.store, "") == []
        await other.store.put("shared name", "theirs")
        await other.store.delete("shared name")
        assert await mine.store.get("shared name") == "mine"


async def test_a_value_moved_to_another_place_does_not_open(open_pair: OpenPair) -> None:
    async with open_pair() as (runtime, mine, other):
        await mine.store.put("a", "mine")
        await other.store.put("a", "theirs")
        table = tables.store
        async with runtime.database.write() as tx:
            own = table.c.installation_id == mine.installation
            stolen = (await tx.execute(sa.select(table.c.sealed).where(own))).scalar_one()
            await tx.execute(table.update().where(~own).values(sealed=stolen))
            await tx.execute(table.update().where(own).values(key="b"))
        with pytest.raises(Refused):
            await other.store.get("a")
        with pytest.raises(Refused):
            await mine.store.get("b")


async def test_a_prefix_is_taken_literally(open_pair: OpenPair) -> None:
    keys = ["a%b", "a%bc", "a%Bc", "aXb", "a_b", "a\\b", "A%b", "ab", "b", "a%b\U0010ffff", "ä%b"]
    async with open_pair() as (_, mine, _other):
        for key in keys:
            await mine.store.put(key, key)
        for prefix in ("a%b", "a_", "a\\", "A", "", "a%b\U0010ffff", "ä"):
            expected = sorted(key for key in keys if key.startswith(prefix))
            assert await everything(mine.store, prefix) == [(key, key) for key in expected]


async def test_a_scan_pages_through_many_values_and_allows_writing_meanwhile(open_pair: OpenPair) -> None:
    async with open_pair() as (_, mine, _other):
        for number in range(205):
            await mine.store.put(f"k{number:03}", number)
        seen = []
        async for key, number in mine.store.scan("k"):
            await mine.store.delete(key)
            seen.append(number)
        assert seen == list(range(205))
        assert await everything(mine.store, "") == []


@pytest.mark.parametrize("key", ["", "x" * 301, "a\0b"])
async def test_a_key_that_no_database_keeps_is_refused(key: str, open_pair: OpenPair) -> None:
    async with open_pair() as (_, mine, _other):
        with pytest.raises(PluginError, match="1 to 300 characters"):
            await mine.store.put(key, 1)


async def test_a_value_that_is_no_json_is_refused(open_pair: OpenPair) -> None:
    async with open_pair() as (_, mine, _other):
        with pytest.raises(PluginError, match="JSON only"):
            await mine.store.put("key", {1, 2})


async def test_a_subscription_keeps_its_address_and_takes_new_secrets(open_pair: OpenPair) -> None:
    async with open_pair() as (runtime, mine, other):
        first = await mine.subscribe("events", ["one"])
        second = await mine.subscribe("events", ["two", "one"])
        assert (second.id, second.url) == (first.id, first.url)
        assert second.secrets == ("two", "one")
        assert first.url == f"https://t.example.org/hooks/aster/{first.id}"
        assert (await other.subscribe("events", ["x"])).id != first.id
        assert (await mine.subscribe("more", [])).id != first.id
        table = tables.subscription
        async with runtime.database.read() as tx:
            sealed = (await tx.execute(sa.select(table.c.secrets).where(table.c.id == first.id))).scalar_one()
        assert runtime.vault.open_json(sealed, "subscription", mine.organization, first.id) == ["two", "one"]


async def test_unsubscribing_forgets_one_subscription_only(open_pair: OpenPair) -> None:
    async with open_pair() as (runtime, mine, other):
        for each in (mine, other):
            await each.subscribe("events", [])
        await mine.subscribe("more", [])
        await mine.unsubscribe("events")
        await mine.unsubscribe("events")
        async with runtime.database.read() as tx:
            names = sorted((await tx.execute(sa.select(tables.subscription.c.name))).scalars())
        assert names == ["events", "more"]
        with pytest.raises(PluginError, match="1 to 100 characters"):
            await mine.subscribe("", [])
