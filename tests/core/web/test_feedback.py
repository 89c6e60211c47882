"""Feedback on the web: a right from one's own page, a page that knows nobody, a receipt, and the team's inbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from tertulia.storage import tables
from tertulia.surveys.feedback import conversations

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
RECEIPT = re.compile(r"(?:[2-9A-HJ-NP-Z]{4}-){6}[2-9A-HJ-NP-Z]{4}")


async def opened(site: Any, who: str = "member") -> str:
    acme = site.tenants["Acme"]
    visitor = await site.member(acme, who)
    await visitor.get("/my/feedback")
    answer = await visitor.post("/my/feedback", {"workspace": acme.workspace})
    assert answer.status == 303
    return str(answer.headers["Location"])


async def sent(site: Any, text: str, step: str = "send") -> str:
    """Post from a browser that has no session, and return the receipt."""
    page = await (await site.visitor().post(await opened(site), {"text": text, "step": step})).text()
    found = RECEIPT.search(page)
    assert found is not None, page
    return found.group(0)


async def test_a_message_an_answer_and_a_word_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        receipt = await sent(site, "The meetings start too early.")
        team = await site.member(acme, "admin")
        where = f"/workspaces/{acme.workspace}/feedback"
        page = await (await team.get(where)).text()
        assert "The meetings start too early." in page
        found = re.search(r'name="conversation" value="(\w+)"', page)
        assert found is not None
        one = {"conversation": found.group(1)}
        assert (await team.post(f"{where}/reply", {**one, "text": "Would ten do?"})).status == 303
        author = site.visitor()
        read = await (await author.post("/feedback", {"receipt": receipt.lower()})).text()
        assert "Would ten do?" in read
        back = await author.post("/feedback/reply", {"receipt": receipt, "text": "Yes."})
        assert "Yes." in await back.text()
        assert "Yes." in await (await team.get(where)).text()
        await team.post(f"{where}/moderate", {**one, "step": "hide"})
        assert "The meetings" not in await (await team.get(where)).text()
        assert "have hidden your messages" in await (await author.post("/feedback", {"receipt": receipt})).text()
        await team.post(f"{where}/moderate", {**one, "step": "lock"})
        assert (await author.post("/feedback/reply", {"receipt": receipt, "text": "Hm."})).status == 422
        assert (await author.post("/feedback/delete", {"receipt": receipt})).status == 422
        assert (
            "It is deleted"
            in await (await author.post("/feedback/delete", {"receipt": receipt, "sure": "yes"})).text()
        )
        assert (await author.post("/feedback", {"receipt": receipt})).status == 422


async def test_a_threat_goes_to_the_responder_as_a_text_and_nothing_else(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        receipt = await sent(site, "I will not come home on Friday.")
        team, responder = await site.member(acme, "admin"), await site.member(acme, "responder")
        where, care = f"/workspaces/{acme.workspace}/feedback", f"/workspaces/{acme.workspace}/care"
        assert "on Friday" not in await (await responder.get(care)).text()
        found = re.search(r'name="conversation" value="(\w+)"', await (await team.get(where)).text())
        assert found is not None
        one = {"conversation": found.group(1)}
        assert (await team.post(f"{where}/pass-on", one)).status == 422
        assert (await responder.post(f"{where}/pass-on", {**one, "sure": "yes"})).status == 404
        zenith = site.tenants["Zenith"]
        stranger = await site.member(zenith, "admin")
        theirs = f"/workspaces/{zenith.workspace}/feedback"
        assert (await stranger.post(f"{theirs}/pass-on", {**one, "sure": "yes"})).status == 422
        assert (await team.post(f"{where}/pass-on", {**one, "sure": "yes"})).status == 303
        assert "can read this too" in await (await team.get(where)).text()
        page = await (await responder.get(care)).text()
        assert "I will not come home on Friday." in page
        for person in acme.persons.values():
            assert person not in page
        assert (
            "They do not know who you are either."
            in await (await site.visitor().post("/feedback", {"receipt": receipt})).text()
        )
        await site.visitor().post("/feedback/delete", {"receipt": receipt, "sure": "yes"})
        assert "on Friday" not in await (await responder.get(care)).text()


async def test_the_preview_flags_names_addresses_and_numbers(open_site: OpenSite) -> None:
    async with open_site() as site:
        text = "CanaryAcme owner wrote to me@acme.example and called +34 600 111 222."
        visitor, where = site.visitor(), await opened(site)
        page = await (await visitor.post(where, {"text": text, "step": "preview"})).text()
        assert "[name] [name] wrote to [e-mail] and called [number]." in page
        assert await _count(site, tables.feedback) == 0
        receipt = RECEIPT.search(await (await visitor.post(where, {"text": text, "step": "redacted"})).text())
        assert receipt is not None
        read = await (await visitor.post("/feedback", {"receipt": receipt.group(0)})).text()
        assert "[name] [name] wrote to [e-mail]" in read
        assert "600 111" not in read


async def test_a_page_sends_once_and_tells_the_same_receipt_again(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor, where = site.visitor(), await opened(site)
        pages = [await (await visitor.post(where, {"text": "Once.", "step": "send"})).text() for _ in range(2)]
        assert len({found.group(0) for page in pages if (found := RECEIPT.search(page))}) == 1
        assert await _count(site, tables.feedback) == 1
        assert "was sent from this page already" in await (await visitor.get(where)).text()


async def test_three_a_week_and_no_session_on_the_writing_page(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        for _ in range(3):
            await opened(site)
        visitor = await site.member(acme, "member")
        refused = await visitor.post("/my/feedback", {"workspace": acme.workspace})
        assert (refused.status, "next Monday" in await refused.text()) == (422, True)
        assert (await visitor.post("/my/feedback", {"workspace": site.tenants["Zenith"].workspace})).status == 422
        assert (await site.visitor().get("/feedback/write/x" * 9)).status == 404


async def test_no_row_names_anybody_or_a_time(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, receipts = site.tenants["Acme"], []
        for who in ("member", "host"):
            page = await (await site.visitor().post(await opened(site, who), {"text": who, "step": "send"})).text()
            receipts.append(RECEIPT.search(page))
        written = (tables.feedback, tables.feedback_message, tables.feedback_right, tables.feedback_spent)
        everything = ""
        async with site.runtime.database.read() as tx:
            for table in written:
                found = (await tx.execute(sa.select(table))).all()
                everything += repr(found)
                for row in found:
                    for name, value in row._mapping.items():
                        if hasattr(value, "weekday"):
                            assert (value.weekday(), value.hour, value.minute) == (0, 0, 0), (table.name, name)
        for person in acme.persons.values():
            assert person not in everything
        for receipt in receipts:
            assert receipt is not None
            assert receipt.group(0) not in everything
            assert receipt.group(0).replace("-", "") not in everything
        rights = {row.digest for row in await _rows(site, tables.feedback_right)}
        spent = {row.digest for row in await _rows(site, tables.feedback_spent)}
        threads = {row.digest for row in await _rows(site, tables.feedback)}
        assert not rights & spent | rights & threads | spent & threads


async def test_the_length_is_limited_and_so_are_messages_in_a_row(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor, where = site.visitor(), await opened(site)
        for wrong in ("", "  ", "x" * (conversations.LONGEST + 1), "\x07"):
            assert (await visitor.post(where, {"text": wrong, "step": "send"})).status == 422
        receipt = await sent(site, "One.")
        for text in ("Two.", "Three."):
            assert (await visitor.post("/feedback/reply", {"receipt": receipt, "text": text})).status == 200
        late = await visitor.post("/feedback/reply", {"receipt": receipt, "text": "Four."})
        assert (late.status, "wait for an answer" in await late.text()) == (422, True)


async def test_receipts_cannot_be_tried(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = site.visitor()
        answers = [(await visitor.post("/feedback", {"receipt": f"guess {n}"})).status for n in range(70)]
        assert set(answers) == {422, 429}


async def _rows(site: Any, table: sa.Table) -> list[Any]:
    async with site.runtime.database.read() as tx:
        return list((await tx.execute(sa.select(table))).all())


async def _count(site: Any, table: sa.Table) -> int:
    return len(await _rows(site, table))
