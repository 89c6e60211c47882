"""The page of sessions, a minute to breathe without anybody knowing, and what rests in hard weeks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from tertulia.services import opening, preferences, programs, rounds
from tertulia.storage import tables

PROGRAM = """
[[practice]]
key = "yoga"
kind = "wellness"
title = "Yoga"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }
open_for = "1d"

[practice.options]
what = "Yoga for stiff backs"
teacher = "Ines"
where = "Room 3"
zone = "Europe/Lisbon"
capacity = 1
sessions = [{ day = "WE", time = "17:30" }]

[[practice]]
key = "rest"
kind = "time-off"
title = "A word about rest"
join = "opt-in"
cadence = { rule = "FREQ=MONTHLY;BYDAY=1MO", start = "2026-04-06T09:30", time = "local" }
"""


async def offered(site: Any, tenant: Any) -> str:
    """Open the sign-up of the week, and return its path."""
    async with site.runtime.database.write() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
    site.clock.advance(timedelta(hours=4))
    async with site.runtime.database.write() as tx:
        recent = await rounds.recent(tx, tenant.organization, tenant.workspace)
        row = next(one for one in recent if one.practice == "yoga")
        await opening.open_round(site.runtime, tx, row)
    return f"/answer/{row.id}"


async def text(visitor: Any, path: str) -> str:
    answer = await visitor.get(path)
    assert answer.status == 200
    return str(await answer.text())


async def test_a_member_signs_up_from_the_catalogue_and_sees_the_own_place(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        path = await offered(site, acme)
        first, second = await site.member(acme, "member"), await site.member(acme, "host")
        page = await text(first, "/my/wellness")
        assert "Yoga for stiff backs, with Ines." in page
        assert "Wednesday 17:30 (Europe/Lisbon)" in page
        assert f'href="{path}"' in page
        for visitor in (first, second):
            await visitor.get(path)
            sent = await visitor.post(path, {"verb": "answer", "field.sessions": "session-0"})
            assert sent.status == 200
            site.clock.advance(timedelta(minutes=1))
        assert "you have a place" in await text(first, "/my/wellness")
        assert "you are number 1 of those who wait" in await text(second, "/my/wellness")
        assert "END:VCALENDAR" in await text(first, f"{path}/calendar.ics")
        # another organization has no such session, and the round does not exist for it
        stranger = await site.member(site.tenants["Zenith"], "member")
        assert "Yoga" not in await text(stranger, "/my/wellness")
        assert (await stranger.get(path)).status == 404


async def test_who_opted_out_is_told_so_and_offered_nothing(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        path = await offered(site, acme)
        async with site.runtime.database.write() as tx:
            await preferences.opt_out(site.runtime, tx, acme.organization, acme.persons["member"], "yoga")
        page = await text(await site.member(acme, "member"), "/my/wellness")
        assert "You opted out of this" in page
        assert path not in page


async def test_the_nudge_is_switched_on_and_off_there(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await offered(site, acme)
        visitor = await site.member(acme, "member")
        for to, shown in (("on", "true"), ("off", "false")):
            await text(visitor, "/my/wellness")
            sent = await visitor.post("/my/practices", {"practice": f"{acme.workspace}:rest", "to": to})
            assert sent.status == 303
            assert f'aria-checked="{shown}"' in await text(visitor, "/my/wellness")


async def test_anybody_breathes_and_nothing_is_kept(open_site: Any) -> None:
    async with open_site() as site:
        before = await everything(site)
        for path in ("/my/breathe", "/my/breathe?way=square", "/my/breathe?way=%00nothing"):
            page = await text(site.visitor(), path)
            assert re.search(r"Breathe in: 4 seconds", page)
            assert 'role="status"' in page
            assert "<button" in page  # its script shows it; without one the steps are all there is to do
            assert "hidden" in page
        script = await site.visitor().get("/static/breathe.js")
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert await everything(site) == before


async def everything(site: Any) -> dict[str, int]:
    async with site.runtime.database.read() as tx:
        counts = {}
        for table in tables.metadata.sorted_tables:
            counts[table.name] = len((await tx.execute(table.select())).all())
    return counts


async def test_an_admin_lets_the_playful_rest_and_takes_it_back(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        path = f"/workspaces/{acme.workspace}/hard-weeks"
        admin = await site.member(acme, "admin")
        assert path in await text(admin, f"/workspaces/{acme.workspace}/rounds")
        refused = await admin.post(path, {"until": "soon", "team": "", "word": "A hard month."})
        assert refused.status == 422
        assert "A hard month." in await refused.text()
        assert (await admin.post(path, {"until": "2026-03-20", "team": "", "word": "A hard month."})).status == 303
        page = await text(admin, path)
        assert "all goes on by itself on 2026-03-20" in page
        span = re.search(r'name="end" value="([0-9a-f]{32})"', page)
        assert span is not None
        again = await admin.post(path, {"until": "2026-03-21"})
        assert "hard weeks already" in await again.text()
        assert (await admin.post(path, {"end": span.group(1)})).status == 303
        assert 'name="end"' not in await text(admin, path)
        # who is no admin there finds nothing
        for visitor in (await site.member(acme, "host"), await site.member(site.tenants["Zenith"], "admin")):
            assert (await visitor.get(path)).status == 404
