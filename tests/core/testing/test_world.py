from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tertulia.testing import loopback
from tertulia.testing.loopback_server import LoopbackServer, event
from tertulia.testing.world import world

PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
places = ["loopback:hall"]
open_for = "4h"

[practice.cadence]
start = "2026-01-05T10:00"
rule = "FREQ=DAILY"
"""


async def test_a_round_runs_through_the_loopback_platform(database_url: str, tmp_path: Path) -> None:
    async with LoopbackServer() as server, world(database_url, tmp_path, plugins={"loopback": loopback}) as core:
        home = await core.workspace(domains=["example.org"])
        users = [f"u{number}" for number in range(5)]
        for user in users:
            await core.person(home, user.title(), email=f"{user}@example.org")
        server.members = [{"user": user, "name": user.title(), "email": f"{user}@example.org"} for user in users]
        live = await core.enable(home, "loopback", server.settings())
        await server.install(live.context.public_url)
        await core.apply(home, PROGRAM)

        async def known() -> bool:
            return await core.reachable(home, "loopback") == len(users)

        await core.until(known)
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: len(server.carried_out("ask")) == len(users))
        assert sorted(one.to for one in server.carried_out("ask")) == users

        first = await server.press("u0", "answer", {"going": "4", "work": "tests"}, event="e1")
        again = await server.press("u0", "answer", {"going": "4", "work": "tests"}, event="e1")
        assert first["status"] == again["status"] == "taken"
        assert (await server.press("u1", "pass"))["status"] == "taken"
        stranger = await server.press("stranger", "answer", {}, message=server.shown("u0")[0][1])
        assert stranger["status"] == "unknown_actor"

        posted = await server.post_events([event("participated", "u2", place="hall", at=core.clock.now())], times=3)
        assert posted == [200, 200, 200]
        (current,) = [row for row in await core.rounds(home) if row.state == "open"]
        progress = await core.progress(home, current.id)
        assert (progress.answered, progress.passed) == (1, 1)
        assert progress.deliveries["invite"] == {"sent": 5}

        core.clock.advance(timedelta(hours=5))

        async def closed() -> bool:
            return any(row.id == current.id and row.state == "closed" for row in await core.rounds(home))

        await core.until(closed)
        assert (await server.press("u3", "answer", {"going": "1"}))["status"] == "closed"


async def test_disabling_takes_effect_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    async with LoopbackServer() as server, world(url, tmp_path, plugins={"loopback": loopback}) as core:
        home, other = await core.workspace("Home"), await core.workspace("Other")
        live = await core.enable(home, "loopback", server.settings())
        assert core.runtime.installations.find(home.workspace, "loopback") is not None
        assert core.runtime.installations.find(other.workspace, "loopback") is None
        await core.disable(home, live)
        assert core.runtime.installations.find(home.workspace, "loopback") is None
