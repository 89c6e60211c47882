"""Plugins are enabled per workspace, sealed, audited, reloaded without a restart and kept apart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from pydantic import BaseModel, SecretStr

from tertulia.capabilities import Platform
from tertulia.config import Config
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.errors import Mistake
from tertulia.extension import Access, Context, Event, Route, Window
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.services import installations, people
from tertulia.services.installations import Installations, Live
from tertulia.services.settings import MASK
from tertulia.storage import audit, tables
from tertulia.testing.context import FakeLimiter

SECRET = "a-secret-nobody-may-read"


class Settings(BaseModel):
    """Hold an address and a secret."""

    realm: str
    token: SecretStr = SecretStr("")
    pages: int = 1
    allowed_hosts: list[str] = []


def plugin(name: str, *, platform: str | None = None, **hooks: Callable[..., Any]) -> ModuleType:
    """Make a plugin with settings and one platform."""

    async def page(request: web.Request) -> web.Response:
        return web.Response()

    def platforms(context: Context) -> list[Platform]:
        return [Platform(name=platform or name)]

    def routes(context: Context) -> list[Route]:
        return [Route(method="GET", path="/", handler=page, access=Access(kind="public", why="test"))]

    made = {
        "register_settings": lambda: Settings,
        "register_platforms": platforms,
        "register_routes": routes,
        **hooks,
    }
    module = ModuleType(name)
    for hook, function in made.items():
        setattr(module, hook, hookimpl(function))
    return module


def broken(context: Context) -> list[Platform]:
    """Fail while an installation is built."""
    raise LookupError(context.settings.token.get_secret_value())


def hanging(context: Context) -> list[Platform]:
    """Take too long while an installation is built."""
    time.sleep(0.6)
    return []


@dataclass
class Site:
    """Hold one organization with two workspaces."""

    runtime: Runtime
    organization: Id
    first: Id
    second: Id
    heard: list[tuple[str, Event]]

    async def enable(self, name: str, workspace: Id | None = None, **settings: Any) -> Id:
        async with self.runtime.database.write() as tx:
            return await installations.enable(
                self.runtime,
                tx,
                organization=self.organization,
                workspace=workspace or self.first,
                plugin=name,
                settings={"realm": "r", **settings},
                actor="admin",
            )

    async def configure(self, name: str, **settings: Any) -> None:
        where: Json = {"organization": self.organization, "workspace": self.first}
        async with self.runtime.database.write() as tx:
            await installations.configure(self.runtime, tx, **where, plugin=name, settings=settings, actor="admin")

    async def disable(self, name: str) -> None:
        where: Json = {"organization": self.organization, "workspace": self.first}
        async with self.runtime.database.write() as tx:
            await installations.disable(self.runtime, tx, **where, plugin=name, actor="admin")

    async def live(self, name: str, workspace: Id | None = None, **settings: Any) -> Live:
        key = await self.enable(name, workspace, **settings)
        await self.runtime.installations.refresh()
        live = self.runtime.installations.get(key)
        assert live is not None, self.runtime.installations.faults
        return live

    async def shown(self) -> list[installations.ShownInstallation]:
        async with self.runtime.database.read() as tx:
            return await installations.shown(self.runtime, tx, organization=self.organization, workspace=self.first)

    async def entries(self) -> list[Any]:
        async with self.runtime.database.read() as tx:
            assert await audit.verify(tx, self.runtime.vault) == []
            query = sa.select(tables.audit).where(tables.audit.c.verb.like("installation.%"))
            return list(await tx.execute(query.order_by(tables.audit.c.sequence)))


OpenSite = Callable[[], AbstractAsyncContextManager[Site]]


@pytest.fixture
def open_site(open_world: Callable[[], Any], database_url: str, tmp_path: Path) -> OpenSite:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Site]:
        heard: list[tuple[str, Event]] = []
        named = {
            "aster": plugin("aster", on_event=lambda event: heard.append(("aster", event))),
            "birch": plugin("birch", on_event=lambda event: heard.append(("birch", event))),
            "broken": plugin("broken", register_platforms=broken),
            "hanging": plugin("hanging", register_platforms=hanging),
            "rival": plugin("rival", platform="aster"),
        }
        async with open_world() as world:
            runtime: Runtime = world.runtime
            runtime.config = config(database_url, tmp_path)
            runtime.plugins = Plugins.load(named, builtin=False, allowed=frozenset())
            runtime.limiter = FakeLimiter()
            runtime.installations = Installations(runtime, grace=0.05, build=0.2)
            async with runtime.database.write() as tx:
                second = await people.create_workspace(
                    runtime, tx, world.organization, name="Lima", zone="America/Lima", language="es", actor="test"
                )
            yield Site(runtime, world.organization, world.workspace, second, heard)
            await runtime.installations.close()

    return opened


def config(database_url: str, folder: Path) -> Config:
    """Return a production configuration."""
    return Config(
        mode="production",
        database_url=database_url,
        engine_url=database_url,
        public_url="https://t.example.org",
        host="127.0.0.1",
        port=0,
        keys_file=folder / "keys",
        keystore=folder / "rounds",
    )


async def test_a_plugin_is_live_in_the_workspace_that_enabled_it_and_in_no_other(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = await site.live("aster", token=SECRET)
        registry = site.runtime.installations
        assert registry.of(site.first) == (live,)
        assert registry.of(site.second) == ()
        assert registry.find(site.first, "aster") == (live, live.platforms["aster"])
        assert registry.find(site.second, "aster") is None
        assert (live.organization, live.workspace, live.plugin) == (site.organization, site.first, "aster")
        assert live.context.settings.token.get_secret_value() == SECRET
        assert live.context.public_url == f"https://t.example.org/plugins/aster/{live.id}"
        assert [route.path for route in live.routes] == ["/"]


async def test_each_installation_sees_its_own_settings(open_site: OpenSite) -> None:
    async with open_site() as site:
        here = await site.live("aster", realm="here")
        there = await site.live("aster", site.second, realm="there")
        other = await site.live("birch", realm="other")
        assert [live.context.settings.realm for live in (here, there, other)] == ["here", "there", "other"]
        assert isinstance(here.context.settings, Settings)


async def test_a_change_takes_effect_without_a_restart_and_only_where_it_was_made(open_site: OpenSite) -> None:
    async with open_site() as site:
        before, untouched = await site.live("aster", token=SECRET), await site.live("birch")
        await site.configure("aster", pages=5)
        registry = site.runtime.installations
        assert registry.get(before.id) is before
        await registry.refresh()
        after = registry.get(before.id)
        assert after is not None
        assert after.context.settings.pages == 5
        assert after.context.settings.token.get_secret_value() == SECRET
        assert after.version > before.version
        assert registry.get(untouched.id) is untouched
        await site.disable("aster")
        await registry.refresh()
        assert registry.all() == (untouched,)


async def test_another_process_follows(open_site: OpenSite) -> None:
    async with open_site() as site:
        other = Installations(site.runtime)
        live = await site.live("aster")
        await other.refresh()
        twin = other.get(live.id)
        assert twin is not None
        assert twin.version == live.version
        await site.disable("aster")
        await other.refresh()
        assert other.all() == ()
        await other.close()


async def test_an_old_session_is_closed_after_a_grace_time(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = await site.live("aster")
        await site.configure("aster", pages=2)
        await site.runtime.installations.refresh()
        assert not live.context.http.closed
        await asyncio.sleep(0.2)
        assert live.context.http.closed


async def test_enabling_again_changes_nothing_and_keeps_the_id(open_site: OpenSite) -> None:
    async with open_site() as site:
        key = await site.enable("aster", token=SECRET)
        assert await site.enable("aster", token=SECRET) == key
        assert await site.enable("aster", token=MASK) == key
        assert [entry.verb for entry in await site.entries()] == ["installation.enabled"]
        await site.disable("aster")
        await site.disable("aster")
        async with site.runtime.database.write() as tx:
            again = await installations.enable(
                site.runtime, tx, organization=site.organization, workspace=site.first, plugin="aster", actor="admin"
            )
        assert again == key
        await site.runtime.installations.refresh()
        live = site.runtime.installations.get(key)
        assert live is not None
        assert live.context.settings.token.get_secret_value() == SECRET


async def test_two_processes_that_enable_at_once_agree_on_one_installation(open_site: OpenSite) -> None:
    async with open_site() as site:
        keys = await asyncio.gather(*(site.enable("aster", token=SECRET) for _ in range(4)))
        assert len(set(keys)) == 1
        assert [one.enabled for one in await site.shown()] == [True]


async def test_changes_are_audited_by_the_names_of_settings_only(open_site: OpenSite) -> None:
    async with open_site() as site:
        await site.enable("aster", token=SECRET)
        await site.configure("aster", token="another-secret", pages=1)
        await site.disable("aster")
        entries = await site.entries()
        assert [(entry.verb, entry.detail["settings"]) for entry in entries] == [
            ("installation.enabled", ["realm", "token"]),
            ("installation.configured", ["pages", "token"]),
            ("installation.disabled", []),
        ]
        assert {entry.actor for entry in entries} == {"admin"}
        assert "secret" not in json.dumps([dict(entry.detail) for entry in entries])


async def test_wrong_input_is_a_mistake_and_changes_nothing(open_site: OpenSite) -> None:
    async with open_site() as site:
        with pytest.raises(Mistake, match=r"pages should be a valid integer.*; tokn is not a setting"):
            await site.enable("aster", pages="many", tokn=SECRET)
        with pytest.raises(Mistake, match="no plugin cedar; installed are: aster, birch"):
            await site.enable("cedar")
        with pytest.raises(Mistake, match="no workspace"):
            await site.enable("aster", "f" * 32)
        with pytest.raises(Mistake, match="never enabled in this workspace"):
            await site.configure("aster", pages=3)
        with pytest.raises(Mistake, match="never enabled in this workspace"):
            await site.disable("aster")
        await site.enable("aster")
        with pytest.raises(Mistake, match="realm is missing"):
            await site.configure("aster", realm=None)
        assert len(await site.entries()) == 1


async def test_null_returns_a_setting_to_its_default(open_site: OpenSite) -> None:
    async with open_site() as site:
        await site.enable("aster", pages=7)
        await site.configure("aster", pages=None)
        assert [one.settings["pages"] for one in await site.shown()] == [1]


async def test_another_organization_cannot_reach_an_installation(open_site: OpenSite) -> None:
    async with open_site() as site:
        await site.enable("aster", token=SECRET)
        stranger = replace(site, organization="0" * 32)
        with pytest.raises(Mistake):
            await stranger.configure("aster", token="x")
        with pytest.raises(Mistake):
            await stranger.disable("aster")
        with pytest.raises(Mistake):
            await stranger.enable("aster")
        assert await stranger.shown() == []


async def test_what_is_shown_masks_secrets_and_names_faults(open_site: OpenSite) -> None:
    async with open_site() as site:
        await site.enable("aster", token=SECRET)
        key = await site.enable("broken", token=SECRET)
        await site.runtime.installations.refresh()
        aster, failed = await site.shown()
        assert aster.settings == {"realm": "r", "token": MASK, "pages": 1, "allowed_hosts": []}
        assert (aster.plugin, aster.enabled, aster.fault) == ("aster", True, None)
        assert failed.fault is not None
        assert failed.fault.startswith("Plugin broken failed in register_platforms: LookupError in broken, line ")
        assert SECRET not in repr((failed, aster, site.runtime.installations.faults[key]))


async def test_an_installation_whose_plugin_was_removed_is_named(open_site: OpenSite) -> None:
    async with open_site() as site:
        key = await site.enable("aster", token=SECRET)
        site.runtime.plugins = Plugins.load({}, builtin=False, allowed=frozenset())
        await site.runtime.installations.refresh()
        assert site.runtime.installations.faults[key] == "There is no plugin aster; installed are: none."
        assert (await site.shown())[0].settings == {"realm": MASK, "token": MASK}
        await site.disable("aster")
        await site.runtime.installations.refresh()
        assert site.runtime.installations.faults == {}


async def test_one_that_fails_or_hangs_while_it_is_built_harms_nobody_else(open_site: OpenSite) -> None:
    async with open_site() as site:
        failed, stuck = await site.enable("broken"), await site.enable("hanging")
        live = await site.live("aster")
        registry = site.runtime.installations
        assert registry.all() == (live,)
        assert set(registry.faults) == {failed, stuck}
        assert registry.faults[stuck] == "Plugin hanging took longer than 0.2 s to start in this workspace."


async def test_two_plugins_may_not_serve_one_platform(open_site: OpenSite) -> None:
    async with open_site() as site:
        live, rival = await site.live("aster"), await site.enable("rival", site.second)
        registry = site.runtime.installations
        await registry.refresh()
        assert registry.all() == (live,)
        assert registry.faults == {
            rival: "Plugins aster and rival both serve the platform aster; disable one of them."
        }
        await site.disable("aster")
        await registry.refresh()
        assert [live.plugin for live in registry.all()] == ["rival"]
        assert registry.faults == {}


async def test_a_committed_change_is_announced_to_the_workspace_and_the_plugin_itself(open_site: OpenSite) -> None:
    async with open_site() as site:
        await site.live("birch", site.second)
        key = await site.enable("aster")
        who: Json = {"organization": site.organization, "installation": key}
        await installations.take_effect(site.runtime, **who, change="installation.enabled")
        assert site.runtime.installations.get(key) is not None
        await site.disable("aster")
        await installations.take_effect(site.runtime, **who, change="installation.disabled")
        assert site.runtime.installations.get(key) is None
        assert [(who, event.name, event.subject) for who, event in site.heard] == [
            ("aster", "installation.enabled", key),
            ("aster", "installation.disabled", key),
        ]
        assert site.heard[0][1].workspace == site.first


async def test_settings_moved_to_another_row_do_not_open(open_site: OpenSite) -> None:
    async with open_site() as site:
        mine, theirs = await site.enable("aster", token=SECRET), await site.enable("aster", site.second)
        table = tables.installation
        async with site.runtime.database.write() as tx:
            stolen = (await tx.execute(sa.select(table.c.settings).where(table.c.id == mine))).scalar_one()
            await tx.execute(table.update().where(table.c.id == theirs).values(settings=stolen))
        await site.runtime.installations.refresh()
        assert [live.id for live in site.runtime.installations.all()] == [mine]
        assert site.runtime.installations.faults[theirs] == "not sealed here, or altered"


async def test_inbox_and_live_rounds_come_from_what_was_handed_in(open_site: OpenSite) -> None:
    async with open_site() as site:
        asked: list[dict[str, Any]] = []

        def remember(runtime: Runtime, **scope: Any) -> Any:
            asked.append(scope)
            return object()

        registry = Installations(site.runtime, inbox_for=remember, live_for=remember)
        key = await site.enable("aster")
        await registry.refresh()
        live = registry.get(key)
        assert live is not None
        assert asked == []
        assert live.context.inbox is live.context.inbox
        assert live.context.live is live.context.live
        scope = {"organization": site.organization, "workspace": site.first}
        assert asked == [{**scope, "installation": key, "plugin": "aster"}, scope]
        await registry.close()


async def test_no_secret_is_in_the_database(open_site: OpenSite, database_url: str) -> None:
    async with open_site() as site:
        live = await site.live("aster", token=SECRET)
        await live.context.store.put("refresh", {"value": SECRET})
        await live.context.subscribe("events", [SECRET])
        async with site.runtime.database.read() as tx:
            for table in tables.metadata.sorted_tables:
                for row in await tx.execute(sa.select(table)):
                    assert SECRET.encode() not in b"".join(_bytes(value) for value in row), table.name
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            assert SECRET.encode() not in file.read_bytes()


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else repr(value).encode()


async def test_a_page_is_rendered_by_whoever_built_the_web_application(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = await site.live("aster")
        assert live.context.page("Hello", Markup.literal("there")).text == "Hello\n\nthere\n"

        def render(title: str, body: Markup, *, status: int = 200) -> web.Response:
            return web.Response(text=f"<h1>{title}</h1>", status=status)

        site.runtime.installations.render = render
        assert live.context.page("Hello", Markup.literal("there"), status=404).text == "<h1>Hello</h1>"


async def test_the_limiter_s_keys_are_the_plugin_s_own(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = await site.live("aster")
        limiter = site.runtime.limiter
        assert isinstance(limiter, FakeLimiter)
        await live.context.limiter.acquire({"tenant": [Window(1, 1)]})
        await live.context.limiter.penalty("tenant", 3)
        assert limiter.acquired == [{"aster:tenant": (Window(1, 1),)}]
        assert limiter.penalties == [("aster:tenant", 3)]


async def test_allowed_hosts_come_from_the_settings(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = await site.live("aster", allowed_hosts=["localhost"])
        with pytest.raises(Exception, match="not among the plugin's allowed_hosts"):
            await live.context.http.get("https://example.org/")
        with pytest.raises(Exception, match="inside the own network"):
            await live.context.http.get("https://localhost/")
        with pytest.raises(Mistake, match="allowed_hosts"):
            await site.configure("aster", allowed_hosts=["*"])
        assert isinstance(live.context.http, aiohttp.ClientSession)


async def test_a_missing_key_is_said_instead_of_raised(open_site: OpenSite) -> None:
    async with open_site() as site:
        key = await site.enable("aster", token=SECRET)
        table = tables.installation
        async with site.runtime.database.write() as tx:
            await tx.execute(table.update().where(table.c.id == key).values(settings=b"zzzz" + bytes(40)))
        assert "key that is missing" in ((await site.shown())[0].fault or "")
