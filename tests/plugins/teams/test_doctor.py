"""`tertulia teams doctor` finds what is wrong, and its command tells it in a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

import tertulia_teams
from tertulia import Mistake
from tertulia.testing.context import FakeContext
from tertulia_teams.config import Settings
from tertulia_teams.doctor import Finding, examine
from tertulia_teams.stand_in.faults import refusal
from tertulia_teams.stand_in.server import StandIn


@asynccontextmanager
async def service(status: int, *, framed_by: str = "'none'") -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async def tab(request: web.Request) -> web.Response:
        return web.Response(headers={"Content-Security-Policy": f"default-src 'self'; frame-ancestors {framed_by}"})

    app = web.Application()
    app.router.add_post("/{any:.*}", answer)
    app.router.add_get("/{any:.*}/tab", tab)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def findings(
    stand_in: StandIn, origin: str, kept: Mapping[str, object] | None = None, **settings: object
) -> dict[str, str | None]:
    known = Settings.model_validate(stand_in.settings(timeout=1, **settings))
    async with FakeContext(settings=known, plugin="teams", origin=origin) as context:
        for key, value in (kept or {}).items():
            await context.store.put(key, value)
        found: list[Finding] = [finding async for finding in examine(context)]
    return {finding.subject: finding.cure for finding in found}


async def test_all_is_well_with_the_stand_in() -> None:
    async with StandIn() as stand_in, service(401, framed_by=stand_in.url) as origin:
        found = await findings(stand_in, origin)
        assert found == dict.fromkeys(found)
        assert {"single sign-on of the tab", "permission User.Read.All", "directory"} <= set(found)
        assert not [subject for subject in found if "Group" in subject or "Meeting" in subject]


async def test_what_is_used_is_what_is_asked_for() -> None:
    group = "aaaaaaaa-1111-4111-8111-111111111111"
    async with StandIn() as stand_in, service(401, framed_by=stand_in.url) as origin:
        stand_in.login.roles -= {"GroupMember.Read.All", "OnlineMeetingArtifact.Read.All"}
        seen = {"organizer": "x", "join": "y"}
        found = await findings(stand_in, origin, {"meeting:19:m": seen}, freelancers_group=group)
        missing = {subject for subject, cure in found.items() if cure is not None}
        assert missing == {
            "permission GroupMember.Read.All",
            "permission OnlineMeetingArtifact.Read.All",
            "group of freelancers",
        }
        assert "freelancers_group" in str(found["group of freelancers"])
        assert "admin consent" in str(found["permission GroupMember.Read.All"])
        stand_in.tenant.groups[group] = []
        assert (await findings(stand_in, origin, freelancers_group=group))["group of freelancers"] is None
        few = await findings(stand_in, origin, install=False, directory="roster")
        assert not [subject for subject in few if subject.startswith(("permission", "Graph", "app in"))]


async def test_each_fault_has_its_cure() -> None:
    async with StandIn() as stand_in, service(200) as origin:
        stand_in.tenant.catalog = None
        stand_in.login.exposed = "api://another.example/x"
        stand_in.faults.add("metadata", refusal(500))
        stand_in.faults.add("graph", refusal(403))
        found = await findings(stand_in, origin)
        assert "upload the package" in str(found["app in the tenant's catalog"])
        assert "check the proxy" in str(found["messaging endpoint"])
        assert "User.Read.All" in str(found["directory"])
        assert "answered 500" in str(found["connector's keys"])
        assert "Expose an API" in str(found["single sign-on of the tab"])
        assert "Content-Security-Policy" in str(found["personal tab"])
        wrong = await findings(stand_in, "http://127.0.0.1:9", app_secret="y" * 20)
        assert "app_secret" in str(wrong["bot credentials"])
        assert "start the service" in str(wrong["messaging endpoint"])
        assert "does not open" in str(wrong["personal tab"])
        assert "Graph credentials" not in wrong


def test_the_commands_explain_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tertulia_teams.register_cli()
    assert command is not None
    shown = CliRunner().invoke(command, ["--help"])
    assert {"manifest", "doctor", "stand-in", "playground"} <= set(shown.output.split())
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path / "none"))
    pages = ["--privacy-url", "https://example.org/privacy", "--terms-url", "http://example.org/terms"]
    ended = CliRunner().invoke(command, ["manifest", "-o", str(tmp_path / "app.zip"), *pages])
    assert isinstance(ended.exception, Mistake)
    assert "--terms-url" in str(ended.exception)
