"""What was sent is checked at the edge, and a change that is sent again is done once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import retention
from tertulia.storage.tables import api_reply
from tertulia.storage.tables import program as kept

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
Connect = Callable[..., Awaitable[Any]]

FAULTS: list[tuple[str, bytes, str, int, str, str]] = [
    ("POST", b"{", "application/json", 400, "unreadable", ""),
    ("POST", b'{"document": "\\ud800"}', "application/json", 400, "unreadable", ""),
    ("POST", b"\xff", "application/json", 400, "unreadable", ""),
    ("POST", b"{}", "application/json", 422, "invalid", "document"),
    ("POST", b'{"document": 1}', "application/json", 422, "invalid", "document"),
    ("POST", b'{"document": "", "extra": 1}', "application/json", 422, "invalid", "extra"),
    ("POST", b"[]", "application/json", 422, "invalid", ""),
    ("POST", b'{"document": ""}', "text/plain", 415, "media_type", ""),
    ("POST", b'{"document": ""}', "application/json; charset=utf-16", 415, "media_type", ""),
    ("GET", b"{}", "application/json", 405, "method_not_allowed", ""),
]


async def test_what_does_not_fit_is_refused_with_its_field(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        for method, content, kind, status, code, field in FAULTS:
            answer = await call(method, "program/plan", content=content, Content_Type=kind)
            assert (answer.status, answer.document["code"]) == (status, code), content
            assert answer.document["type"] == f"urn:tertulia:problem:{code}"
            if field:
                assert [one["field"] for one in answer.document["errors"]] == [field]


async def test_parameters_are_checked(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        for query, field in (
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=x", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=x", "cursor"),
            ("state=gone", "state"),
            ("else=1", "else"),
        ):
            answer = await call("GET", f"rounds?{query}")
            assert (answer.status, answer.document["errors"][0]["field"]) == (422, field), query
        assert (await call("GET", "program", content=b"{}")).document["code"] == "media_type"


async def versions(site: Any) -> int:
    async with site.runtime.database.read() as tx:
        return (await tx.execute(sa.select(sa.func.count()).select_from(kept))).scalar_one()


async def test_a_change_sent_again_is_done_once(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        before = await versions(site)
        changed = {"document": document.replace("Poll of", "A poll of")}
        sent = {"If_Match": '"1"', "Idempotency_Key": "one"}
        answers = await asyncio.gather(*(call("PUT", "program", changed, **sent) for _ in range(4)))
        assert {(one.status, one.headers["ETag"], str(one.document)) for one in answers} == {
            (200, '"2"', str(answers[0].document))
        }
        assert sorted("Idempotency-Replayed" in one.headers for one in answers) == [False, True, True, True]
        assert await versions(site) == before + 1
        other = await call("PUT", "program", {"document": document}, **sent)
        assert (other.status, other.document["code"]) == (422, "key_reused")
        mine = await program(site, site.tenants["Acme"])
        assert (await mine("PUT", "program", changed, **sent)).document["code"] == "version_changed"


async def test_what_was_refused_is_tried_anew_and_an_answer_kept_for_a_day_and_sealed(
    open_site: OpenSite, program: Connect
) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        sent = {"If_Match": '"1"', "Idempotency_Key": "one"}
        assert (await call("PUT", "program", {"document": "?"}, **sent)).status == 422
        assert (await call("PUT", "program", {"document": document}, **sent)).status == 200
        for key in ("", "x" * 201):
            answer = await call("PUT", "program", {"document": document}, If_Match="*", Idempotency_Key=key)
            assert (answer.status, answer.document["errors"][0]["field"]) == (422, "Idempotency-Key")

        async def put(text: str) -> Any:
            return await call("PUT", "program", {"document": text}, **sent)

        async with site.runtime.database.read() as tx:
            (row,) = (await tx.execute(sa.select(api_reply))).all()
        assert b"practice" not in row.sealed
        assert (await put(document + "\n")).status == 422
        site.wall.set(site.wall.now() + timedelta(days=1))
        assert (await put(document + "\n")).status == 200
        await retention.sweep(site.runtime, site.wall.now() + timedelta(days=2))
        async with site.runtime.database.read() as tx:
            assert not (await tx.execute(sa.select(api_reply))).all()


async def test_the_log_tells_which_token_changed_what(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        document = (await call("GET", "program")).document["document"]
        text = {"document": document.replace("Poll of", "A poll of")}
        assert (await call("PUT", "program", text, If_Match="*")).status == 200
        mine = (await call("GET", "/api/v1/token")).document["id"]
        first, second = (await call("GET", "audit?limit=2")).document["items"]
        assert (first["verb"], first["actor"], first["name"]) == ("program.apply", f"token:{mine}", "of owner")
        assert second["verb"] == "token.create"
        again = (await call("GET", "audit?limit=1")).document
        assert [(one["verb"], one["actor"]) for one in again["items"]] == [("audit.read", f"token:{mine}")]
        rest = (await call("GET", f"audit?limit=1&cursor={again['next']}")).document
        assert [one["verb"] for one in rest["items"]] == ["program.apply"]


async def test_what_reads_much_takes_the_only_writer_for_its_entry_in_the_log_alone(
    open_site: OpenSite, program: Connect
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call, owner = await program(site, acme), await site.member(acme, "owner")
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        writer = site.runtime.database.raw_writer().sync_engine
        sa.event.listen(writer, "before_cursor_execute", note)
        for path in ("export", "exports/surveys", "people?q=host", "audit"):
            asked.clear()
            await site.visitor().get(
                f"/api/v1/workspaces/{acme.workspace}/{path}", Authorization=f"Bearer {call.token}"
            )
            assert {"audit", "api_token"} >= _read(asked), path
            assert any(one.startswith("INSERT INTO audit") for one in asked), path
        for path in ("people", "audit"):
            asked.clear()
            assert (await owner.get(f"/workspaces/{acme.workspace}/{path}")).status == 200
            assert {"audit", "stamp"} >= _read(asked), path
            assert any(one.startswith("INSERT INTO audit") for one in asked), path


def _read(statements: list[str]) -> set[str]:
    """Return the tables that statements read."""
    return {name for one in statements for name in re.findall(r"\b(?:FROM|JOIN) \"?(\w+)", one)}
