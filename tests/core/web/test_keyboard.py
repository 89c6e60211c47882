"""What people and those who run a workspace do, with nothing but a keyboard, in a real browser."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.services import advance, installations, programs
from tertulia.storage import people, tables
from tertulia.testing import browser
from tertulia.testing.browser import Page

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
STOPS = 150
"""No page has more stops than that: whoever does not come by within them never does."""
FOCUS = """(() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const words = [one.labels?.[0]?.innerText, one.ariaLabel, one.innerText, one.name, one.value].filter(Boolean);
  return { words: words.join(" / "), kind: one.type || one.localName, body: one === document.body,
           seen: style.outlineStyle !== "none" && box.bottom > 0 && box.top < innerHeight };
})()"""
LEADERSHIP = """
[[practice]]
key = "ask-us"
kind = "discussion"
title = "Ask us"
open_for = "2d"
cadence = { rule = "FREQ=WEEKLY;BYDAY=TU", start = "2026-03-03T09:00", time = "common" }
options = { form = "leadership", moderators = ["admin@acme.example"], moderation_days = 1, votes = 1 }
"""


class Hands:
    """Use a page as somebody does who has no mouse, and insist on seeing where the focus is."""

    def __init__(self, site: Any, page: Page):
        self.site, self.page = site, page

    async def become(self, visitor: Any) -> None:
        await self.page.call("Network.clearBrowserCookies")
        for name, value in visitor.cookies.items():
            await self.page.cookie(name, value, self.site.base)

    async def open(self, path: str) -> None:
        await self.page.go(self.site.base + path)

    async def to(self, words: str, kind: str = "") -> None:
        """Go on by Tab to what has *words* in its name; once around the page at most."""
        for _ in range(STOPS):
            await self.page.press("Tab")
            at = await self.page.run(FOCUS)
            assert at["seen"] or at["body"], f"the focus is not seen on {at['words']!r}"
            if words in at["words"] and kind in at["kind"] and not at["body"]:
                return
        raise AssertionError(f"Tab never comes by {words!r}: {await self.page.run('document.body.innerText')}")

    async def choose(self, words: str, kind: str = "", key: str = "Enter") -> None:
        """Go to what has *words* in its name and press a key there; Enter leads to another page."""
        await self.to(words, kind)
        if key == "Enter":
            await self.page.run("window.leaving = true")
        await self.page.press(key)
        if key == "Enter":
            await self.page.until("!window.leaving && document.readyState === 'complete'")

    async def write(self, words: str, text: str) -> None:
        """Go to the field that has *words* in its name, and write."""
        await self.to(words)
        await self.page.write(text)

    async def sees(self, words: str) -> None:
        await self.page.until(f"document.body?.innerText.includes({words!r})")


@asynccontextmanager
async def typing(site: Any, folder: Path) -> AsyncIterator[Hands]:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    async with browser.browser(folder) as opened:
        hands = Hands(site, await opened.open("about:blank", width=1100))
        yield hands
        assert hands.page.faults == []


async def test_a_member_answers_and_signs_out(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site, typing(site, tmp_path) as hands:
        acme, page = site.tenants["Acme"], hands.page
        site.clock.set(site.clock.now() + timedelta(hours=3))
        for practice, said in (("ask", "A quiet week"), ("poll", "Slowly better")):
            await hands.open(await site.link(acme, "member", practice))
            await page.press("Tab")
            assert await page.run("document.activeElement.hash") == "#main"
            await page.press("Enter")
            await hands.to("Alpha", "radio")
            await page.press("ArrowDown")
            await hands.choose("Beta", "checkbox", " ")
            await hands.to("1", "radio")
            await page.press("ArrowRight", 3)
            await hands.write("In a word", "Spring")
            await hands.write("Tell more", said)
            chosen = "[...document.querySelectorAll('main :checked')].map((one) => one.value)"
            assert (await page.run(chosen))[:3] == ["b", "b", "4"]
            await hands.choose("Send", "submit")
            await hands.sees("You can change it until")
        await hands.become(await site.member(acme, "member"))
        await hands.open("/my")
        await hands.choose("Sign out")
        await page.until("!document.body?.innerText.includes('Sign out')")
        await hands.open("/my")
        await hands.sees("Sign in")
        async with site.runtime.database.read() as tx:
            kept = list((await tx.execute(sa.select(tables.response.c["values"]))).scalars())
        assert [one["long"] for one in kept] == ["A quiet week"], "the poll's answer is in a ballot"


async def test_a_fault_takes_the_focus(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site, typing(site, tmp_path) as hands:
        acme, page = site.tenants["Acme"], hands.page
        await hands.become(await site.member(acme, "admin"))
        await hands.open(f"/workspaces/{acme.workspace}/program")
        await hands.to("The document")
        await page.write("nonsense ")
        await hands.choose("What would change?")
        await page.until("document.activeElement.role === 'alert'")
        await hands.to("The document")
        page.faults = [one for one in page.faults if "422" not in one]


async def test_an_admin_runs_the_workspace(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site, typing(site, tmp_path) as hands:
        acme, page = site.tenants["Acme"], hands.page
        home = f"/workspaces/{acme.workspace}"
        await hands.become(await site.member(acme, "admin"))
        await hands.open(home)
        await hands.choose("Plugins", "a")
        await hands.choose("panel", "a")
        await hands.choose("Disable")
        await hands.choose("Yes, disable it", "submit")
        await hands.sees("not enabled")
        await hands.choose("nable", "submit")
        await hands.sees("at work")
        await hands.choose("Program", "a")
        await hands.to("The document")
        await page.run("document.activeElement.setSelectionRange(0, 0)")
        await page.write("message_budget = 9\n")
        await hands.choose("Put into force")
        assert not await page.run("document.querySelector('[role=alert]')?.innerText")
        await import_people(hands, tmp_path)
        async with site.runtime.database.read() as tx:
            newest = (await programs.history(tx, acme.organization, acme.workspace))[0].stored
            names = {one.name for one in await people.members(tx, acme.organization, acme.workspace)}
            known = await installations.shown(
                site.runtime, tx, organization=acme.organization, workspace=acme.workspace
            )
        assert newest.document.startswith("message_budget = 9")
        assert newest.applied_by == acme.persons["admin"]
        assert "Lou" in names
        assert {"web", "panel"} <= {one.plugin for one in known}


async def test_a_second_person_approves(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site, typing(site, tmp_path) as hands:
        acme, page = site.tenants["Acme"], hands.page
        home = f"/workspaces/{acme.workspace}"
        await hands.become(await site.member(acme, "admin"))
        await hands.open(f"{home}/roles")
        await hands.write("E-mail address of a member", "member@acme.example")
        await hands.to("owner", "radio")
        radios = "[...document.querySelectorAll('[type=radio][name=role]')].map((one) => one.value)"
        await page.press("ArrowDown", (await page.run(radios)).index("responder"))
        assert await page.run("document.querySelector('[type=radio]:checked').value") == "responder"
        await hands.choose("Give or propose it", "submit")
        await hands.become(await site.member(acme, "owner"))
        await hands.open(home)
        await hands.choose("Proposals", "a")
        await hands.choose("Approve", "submit")
        await hands.sees("approved by CanaryAcme owner")
        async with site.runtime.database.read() as tx:
            roles = await people.roles_of(tx, acme.organization, acme.persons["member"])
        assert roles[acme.workspace] == frozenset({"responder"})


async def import_people(hands: Hands, folder: Path) -> None:
    file = folder / "people.csv"
    file.write_text("name,email\nLou,lou@acme.example\n")
    await hands.choose("People", "a")
    await hands.to("CSV file", "file")
    # the dialog in which a file is chosen is the system's own
    found = await hands.page.call("Runtime.evaluate", expression="document.activeElement")
    await hands.page.call("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
    await hands.choose("What would it change?")
    await hands.sees("1 added")
    await hands.to("CSV file", "file")
    found = await hands.page.call("Runtime.evaluate", expression="document.activeElement")
    await hands.page.call("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
    await hands.choose("Import", "submit")
    await hands.sees("7 people")


async def test_a_question_is_asked_moderated_and_voted_for(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site, typing(site, tmp_path) as hands:
        acme, page = site.tenants["Acme"], hands.page
        async with site.runtime.database.write() as tx:
            where = {"organization": acme.organization, "workspace": acme.workspace}
            await programs.apply(site.runtime, tx, **where, text=LEADERSHIP, actor="test")
        await live(site, days=1, hours=4)
        for who, text in (("member", "Why so many calls?"), ("owner", "When is it spring?")):
            await hands.become(await site.member(acme, who))
            await hands.open("/my/questions")
            await hands.choose("Open a page to ask on")
            await hands.write("Your question", text)
            await hands.choose("Look at it before it is sent")
            await hands.choose("Send", "submit")
            await hands.sees("kept without your name")
        await hands.become(await site.member(acme, "admin"))
        await hands.open("/my/questions/moderate")
        for _ in range(2):
            await hands.choose("Publish", "submit")
            await hands.sees("published")
        await live(site, days=3)
        await hands.become(await site.member(acme, "member"))
        await hands.open("/my/questions")
        await hands.choose("Open my page to vote")
        assert await checked(page) == []
        await hands.choose("Why so many calls?", "checkbox", " ")
        await hands.choose("", "submit")
        assert not await page.run("document.querySelector('[role=alert]')?.innerText")


async def checked(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page that is open."""
    spec = importlib.util.find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        return []
    await page.run(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = await page.run("axe.run().then((told) => told.violations.map((one) => one.id))")
    return found


async def live(site: Any, *, days: int = 0, hours: int = 0) -> None:
    """Let time go by, and take every step of discussions that is due."""
    until = site.clock.now() + timedelta(days=days, hours=hours)
    table = tables.round_table
    query = sa.select(table.c.id, table.c.next_at, table.c.step).where(
        table.c.kind == "discussion", table.c.next_at.is_not(None)
    )
    while True:
        async with site.runtime.database.read() as tx:
            due = (await tx.execute(query.where(table.c.next_at <= until).order_by(table.c.next_at))).first()
        if due is None:
            break
        site.clock.set(max(site.clock.now(), due.next_at))
        await advance.advance(site.runtime, due.id, due.step)
    site.clock.set(until)
