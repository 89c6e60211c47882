"""What the operations show and do beside the program: the same as the console, by the same services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import importing, recommending, rounds
from tertulia.storage import programs
from tertulia.storage.tables import recommendation

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
Connect = Callable[..., Awaitable[Any]]
PEOPLE = "name,email,team\nAda,ada@acme.example,Blue\nBen,,\nCanaryAcme host,host@acme.example,Red\n"


async def test_rounds_are_told_as_counts(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call = await program(site, acme)
        site.clock.set(site.clock.now() + timedelta(hours=3))
        answered = await site.follow(acme, "member")
        given = {"verb": "answer", "field.long": "canary", "key": "once"}
        assert (await answered.post(f"/answer/{acme.rounds['ask']}", given)).status in (200, 303)
        listed = (await call("GET", "rounds?state=open&limit=1")).document
        rest = (await call("GET", f"rounds?state=open&limit=1&cursor={listed['next']}")).document
        assert {one["practice"] for one in listed["items"] + rest["items"]} == {"ask", "poll"}
        assert rest["next"] is None
        named = (await call("GET", f"rounds/{acme.rounds['ask']}")).document
        assert (named["figures"]["answered"], named["confidential"]) == (1, False)
        sealed = (await call("GET", f"rounds/{acme.rounds['poll']}")).document
        assert sealed["confidential"]
        assert all(count % 5 == 0 for count in sealed["figures"].values())
        parts = (await call("GET", f"rounds/{acme.rounds['ask']}/deliveries")).document
        assert parts["totals"] is None
        assert {one["purpose"] for one in parts["parts"]} <= {"invite", "remind", "post"}
        totals = (await call("GET", f"rounds/{acme.rounds['poll']}/deliveries")).document
        assert totals["parts"] is None
        assert all(count % 5 == 0 for count in totals["totals"].values())
        assert (await call("GET", "rounds?practice=poll&limit=1")).document["items"][0]["practice"] == "poll"
        exported = (await call("GET", "export")).document
        assert {one["practice"] for one in exported["rounds"]} == {"ask", "poll"}
        assert (await call("GET", "audit?limit=1")).document["items"][0]["verb"] == "workspace.export"
        files = {one["key"]: one for one in (await call("GET", "exports")).document["items"]}
        assert "rounds" in files
        assert not {"people", "audit"} & files.keys()
        bearer = {"Authorization": f"Bearer {call.token}"}
        file = await site.visitor().get(f"/api/v1/workspaces/{acme.workspace}/exports/rounds", **bearer)
        assert (file.status, file.content_type) == (200, "text/csv")
        head, *lines = (await file.text()).removeprefix("\ufeff").split()
        assert head.split(",") == [one["name"] for one in files["rounds"]["columns"]]
        assert len(lines) == len(exported["rounds"])
        assert (await call("GET", "exports/people")).document["code"] == "refused"
        assert (await call("GET", "exports/nothing")).status == 404
        assert (await call("GET", "exports/rounds?format=xls")).status == 422
        newest = (await call("GET", "audit?limit=1")).document["items"][0]
        assert (newest["verb"], newest["actor"].startswith("token:")) == ("export.read", True)


async def test_rounds_are_steered(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call = await program(site, acme)
        site.clock.set(site.clock.now() + timedelta(hours=3))
        path = f"rounds/{acme.rounds['ask']}"
        assert (await call("POST", f"{path}/retry")).document == {"done": False}
        assert (await call("POST", f"{path}/leave-out")).document["code"] == "refused"
        assert (await call("POST", f"{path}/close")).document == {"done": True}
        assert (await call("GET", path)).document["closes_at"] == "2026-03-02T10:00:00Z"
        async with site.runtime.database.write() as tx:
            stored = await programs.current(tx, acme.organization, acme.workspace)
            await rounds.schedule(site.runtime, tx, acme.organization, acme.workspace, stored)
        (ahead, *_) = (await call("GET", "rounds?state=planned&practice=ask")).document["items"]
        assert (await call("POST", f"rounds/{ahead['id']}/leave-out")).document == {"done": True}
        assert (await call("GET", f"rounds/{ahead['id']}")).document["state"] == "cancelled"
        assert (await call("POST", f"rounds/{ahead['id']}/take-back")).document == {"done": True}
        (again,) = (await call("GET", "rounds?state=planned&practice=ask")).document["items"]
        assert again["opens_at"] == ahead["opens_at"]
        foreign = site.tenants["Zenith"].rounds["ask"]
        for verb in ("retry", "close", "leave-out", "take-back"):
            assert (await call("POST", f"rounds/{foreign}/{verb}")).status == 404
        log = (await call("GET", "audit?limit=3")).document["items"]
        assert [one["verb"] for one in log] == ["round.take_back", "round.leave_out", "round.close_early"]
        assert len({one["actor"] for one in log}) == 1


async def test_people_are_listed_and_imported(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        content, kind = PEOPLE.encode(), "text/csv"
        planned = await call("POST", "people/import/plan", content=content, Content_Type=kind)
        assert {name: planned.document[name] for name in ("added", "changed", "unchanged", "rejected")} == {
            "added": 1,
            "changed": 1,
            "unchanged": 0,
            "rejected": 1,
        }
        assert planned.document["rejections"][0]["line"] == 3
        assert planned.document["changes"] == [{"line": 4, "fields": ["team"]}]
        assert not (await call("GET", "people?q=ada")).document["items"]
        sent = {"Content_Type": kind, "Idempotency_Key": "1"}
        for _ in range(2):
            assert (await call("POST", "people/import", content=content, **sent)).document == planned.document
        (ada,) = (await call("GET", "people?q=ADA@")).document["items"]
        assert (ada["name"], ada["team"], ada["platforms"]) == ("Ada", "Blue", [])
        names, cursor = [], ""
        while True:
            part = (await call("GET", f"people?limit=3{cursor}")).document
            names += [one["name"] for one in part["items"]]
            if part["next"] is None:
                break
            cursor = f"&cursor={part['next']}"
        assert names == sorted(names, key=str.casefold)
        assert len(names) == 7
        for broken in (b"\xff", b"else\n", b'"'):
            answer = await call("POST", "people/import", content=broken, Content_Type=kind)
            assert (answer.status, answer.document["code"]) == (422, "refused")
        assert set(ada) == {
            *("id", "name", "email", "worker_type", "team", "location", "zone", "languages", "platforms")
        }
        assert set(importing.COLUMNS) > {"email"}


async def test_plugins_are_configured_tried_and_disabled(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        listed = {one["plugin"]: one for one in (await call("GET", "plugins")).document["items"]}
        assert {"web", "panel"} <= listed.keys()
        assert listed["web"]["enabled"]
        assert listed["panel"]["reach"]["hears"] == ["bell"]
        wrong = await call("PATCH", "plugins/web/settings", {"settings": {"sender": 5}})
        assert (wrong.status, wrong.document["code"]) == (422, "refused")
        assert "sender" in wrong.document["detail"]
        changed = await call("PATCH", "plugins/web/settings", {"settings": {"sender": "new@acme.example"}})
        assert (changed.status, changed.document["settings"]["sender"]) == (200, "new@acme.example")
        live = site.runtime.installations.get(listed["web"]["installation"])
        assert live.context.settings.sender == "new@acme.example"
        assert (await call("POST", "plugins/panel/test")).document["sound"] is None
        assert (await call("POST", "plugins/panel/disable")).document["enabled"] is False
        assert site.runtime.installations.get(listed["panel"]["installation"]) is None
        refused = await call("POST", "plugins/panel/test")
        assert (refused.status, refused.document["code"]) == (422, "refused")
        again = await call("POST", "plugins/panel/enable", {"settings": None})
        assert (again.document["enabled"], again.document["installation"]) == (True, listed["panel"]["installation"])
        assert site.runtime.installations.get(listed["panel"]["installation"]) is not None
        for method, path in (("GET", ""), ("POST", "/enable"), ("POST", "/test"), ("POST", "/disable")):
            document = {"settings": None} if path == "/enable" else None
            assert (await call(method, f"plugins/nothing{path}", document)).status == 404
        log = (await call("GET", "audit?limit=4")).document["items"]
        assert {one["verb"] for one in log} >= {"installation.configured", "installation.disabled"}


async def test_surveys_tell_published_cells_and_no_open_ones(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call = await program(site, acme)
        assert (await call("GET", "surveys")).document == {"items": [], "next": None}
        open_ = await call("GET", f"surveys/{acme.rounds['poll']}")
        assert (open_.status, open_.document["code"]) == (422, "refused")
        assert (await call("GET", f"surveys/{'0' * 32}")).status == 404
        overview = (await call("GET", "overview")).document
        assert overview["components"]
        assert overview["score"] is None


async def test_recommendations_are_decided(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call = await program(site, acme)
        rule, now = sorted(recommending.rules())[0], site.clock.now()
        async with site.runtime.database.write() as tx:
            for number in range(3):
                row = {"organization_id": acme.organization, "id": f"{number:032}", "workspace_id": acme.workspace}
                what = {"rule": rule, "state": "open", "seen": {"component": "reach", "now": None}}
                when = {"made_at": now, "expires_at": now + timedelta(weeks=6)}
                await tx.execute(sa.insert(recommendation).values(**row, **what, **when))
        first = (await call("GET", "recommendations?limit=2")).document
        assert [one["state"] for one in first["items"]] == ["open", "open"]
        path = f"recommendations/{0:032}"
        assert (await call("GET", path)).document["id"] == f"{0:032}"
        assert (await call("POST", f"{path}/decline", {"reason": " "})).status == 422
        declined = await call("POST", f"{path}/decline", {"reason": "We tried it."})
        assert (declined.document["state"], declined.document["decision"].endswith("We tried it.")) == (
            "declined",
            True,
        )
        assert (await call("POST", f"{path}/decline", {"reason": "Again."})).status == 422
        assert (await call("POST", f"recommendations/{1:032}/postpone", {"weeks": 3})).status == 422
        assert (await call("POST", f"recommendations/{1:032}/postpone", {"weeks": 2})).document["state"] == "later"
        accepted = (await call("POST", f"recommendations/{2:032}/accept", {"apply": False})).document
        assert (accepted["state"], accepted["owner"]) == ("accepted", acme.persons["owner"])
        assert (await call("GET", "recommendations/0")).status == 404
        assert (await call("GET", f"recommendations/{'0' * 31}")).status == 404
