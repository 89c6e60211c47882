"""Hosts see what they can lead, start and end it; nobody else does, and nobody's name is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tertulia.domain.people import Place
from tertulia.rituals import guides
from tertulia.services import programs
from tertulia.services.live import WorkspaceLive
from tertulia.services.live_who import SignedIn

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """
[[practice]]
key = "quiz"
kind = "quiz"
title = "Quiz <live>"
cadence = { rule = "FREQ=WEEKLY;BYDAY=TU", start = "2026-03-03T09:30", time = "common" }
options = { questions = 3 }

[[practice]]
key = "breaker"
kind = "icebreaker"
title = "Icebreaker <em>"
cadence = { rule = "FREQ=YEARLY", start = "2027-03-09T09:30" }
"""


async def begun(site: Any) -> tuple[Any, Any, str]:
    tenant = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
    return tenant, await site.member(tenant, "host"), f"/workspaces/{tenant.workspace}/host"


async def test_a_host_starts_and_ends_a_quiz(open_site: OpenSite) -> None:
    async with open_site() as site:
        _, host, page = await begun(site)
        text = await (await host.get(page)).text()
        assert "Nothing is held live at the moment." in text
        assert "Quiz &lt;live&gt;" in text
        assert "Icebreaker &lt;em&gt;" in text
        assert "from Tuesday, 2026-03-03 09:30" in text
        assert all(f"<summary>{one.title}</summary>" in text for one in guides.every())
        answer = await host.post(page, {"do": "start", "what": "quiz"})
        assert answer.status == 303
        lobby = answer.headers["Location"]
        assert (await host.get(lobby)).status == 200
        text = await (await host.get(page)).text()
        assert lobby in text
        assert "in the lobby" in text
        session = lobby.rpartition("/")[2]
        assert (await host.post(page, {"do": "end", "what": session})).headers["Location"] == page
        assert "Nothing is held live at the moment." in await (await host.get(page)).text()
        # pressed twice, and what there is not
        assert (await host.post(page, {"do": "end", "what": session})).status in (303, 404)
        for form in ({"do": "start", "what": "breaker"}, {"do": "start", "what": "none"}, {"do": "x"}, {}):
            assert (await host.post(page, form)).status == 422
        assert (await host.post(page, {"do": "end", "what": "none"})).status == 404
        assert "CanaryAcme member" not in text


async def test_what_is_led_elsewhere_is_seen_and_can_be_ended(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant, host, page = await begun(site)
        live = WorkspaceLive(site.runtime, organization=tenant.organization, workspace=tenant.workspace)
        owner = SignedIn(tenant.persons["owner"])
        meeting = Place(platform="talks", ref="room-1", kind="meeting")
        session = await live.start(meeting, owner, "breaker", {})
        await live.advance(session, owner, "asking")
        text = await (await host.get(page)).text()
        assert "led in a meeting on talks" in text
        assert "0 answered, 0 passed" in text
        assert f"/my/live/{session}" not in text
        assert re.search(rf'name="what" value="{session}"', text)
        assert (await host.post(page, {"do": "end", "what": session})).status == 303
        assert await live.running(meeting) is None


async def test_another_workspace_s_session_is_nobody_s_here(open_site: OpenSite) -> None:
    async with open_site() as site:
        _, host, page = await begun(site)
        zenith = site.tenants["Zenith"]
        live = WorkspaceLive(site.runtime, organization=zenith.organization, workspace=zenith.workspace)
        async with site.runtime.database.write() as tx:
            where = {"organization": zenith.organization, "workspace": zenith.workspace}
            await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
        other = await live.start(
            Place(platform="web", ref="live", kind="meeting"), SignedIn(zenith.persons["host"]), "quiz", {}
        )
        assert (await host.post(page, {"do": "end", "what": other})).status == 404
        assert await live.running(Place(platform="web", ref="live", kind="meeting")) == other
