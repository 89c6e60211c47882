"""The program through the API: read, tried, put into force against a known version, and taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
Connect = Callable[..., Awaitable[Any]]


async def test_a_change_is_tried_put_into_force_and_taken_back(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        first = await call("GET", "program")
        assert (first.status, first.headers["ETag"], first.document["version"]) == (200, '"1"', 1)
        changed = {"document": first.document["document"].replace("Question of", "A question of")}
        plan = await call("POST", "program/plan", changed)
        assert [(one["practice"], one["field"]) for one in plan.document["changes"]] == [("ask", "title")]
        assert plan.document["rounds"]
        assert (await call("GET", "program")).document == first.document
        second = await call("PUT", "program", changed, If_Match=first.headers["ETag"])
        assert (second.status, second.headers["ETag"]) == (200, '"2"')
        assert second.document["document"] == changed["document"]
        assert second.document["applied_by"].startswith("token:")
        third = await call("POST", "program/versions/1/restore", If_Match='"2"')
        assert (third.status, third.document["version"]) == (200, 3)
        assert third.document["document"] == first.document["document"]
        assert (await call("GET", "program/versions/2")).document == second.document


async def test_a_change_of_what_somebody_changed_meanwhile_is_refused(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        changed = {"document": document.replace("Poll of", "A poll of")}
        unseen = await call("PUT", "program", changed)
        assert (unseen.status, unseen.document["code"]) == (428, "version_needed")
        for tag in ('"0"', "1", 'W/"1"', '"2"'):
            stale = await call("PUT", "program", changed, If_Match=tag)
            assert (stale.status, stale.document["code"]) == (412, "version_changed")
        assert (await call("GET", "program")).document["version"] == 1
        assert (await call("PUT", "program", changed, If_Match='"7", "1"')).status == 200
        assert (await call("POST", "program/versions/1/restore", If_Match="*")).status == 200


async def test_every_fault_of_a_document_is_named(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        broken = {"document": document.replace('open_for = "2d"', 'open_for = "soon"')}
        for method, path in (("POST", "program/plan"), ("PUT", "program")):
            told = await call(method, path, broken, If_Match='"1"')
            assert (told.status, told.document["code"]) == (422, "refused")
            assert told.headers["Content-Type"].startswith("application/problem+json")
            assert [one["field"] for one in told.document["errors"]] == [
                'practice "ask" open_for',
                'practice "poll" open_for',
            ]
            assert all(one["detail"].startswith("Line ") for one in told.document["errors"])


async def test_versions_come_in_parts(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        for number in range(3):
            text = {"document": document.replace("Question of", f"Question {number} of")}
            assert (await call("PUT", "program", text, If_Match="*")).status == 200
        first = (await call("GET", "program/versions?limit=3")).document
        assert [one["version"] for one in first["items"]] == [4, 3, 2]
        rest = (await call("GET", f"program/versions?limit=3&cursor={first['next']}")).document
        assert ([one["version"] for one in rest["items"]], rest["next"]) == ([1], None)
        other = await call("GET", f"rounds?cursor={first['next']}")
        assert (other.status, other.document["errors"][0]["field"]) == (422, "cursor")
        for path in ("program/versions/9", "program/versions/0", "program/versions/x", "program/versions/%C2%B2"):
            assert (await call("GET", path)).status == 404
