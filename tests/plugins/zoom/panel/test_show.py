"""Show it in a real browser: a host breaks the ice in a meeting, with the official library in the page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tertulia.storage import tables

PANEL = "/panel"
PICTURES = os.environ.get("TERTULIA_PICTURES")
"""A folder to which pictures of the panel are written, to be looked at."""


async def show(page: Any, name: str) -> None:
    """Check what is shown, and write pictures of it, light and dark, where somebody wants to see them."""
    assert await page.run(UNUSABLE, frame=PANEL) == [], name
    if PICTURES:
        for theme in (False, True):
            await page.theme(dark=theme)
            await page.picture(Path(PICTURES) / f"{name}-{'dark' if theme else 'light'}.png")
        await page.theme(dark=False)


def press(label: str) -> str:
    """Press the first visible button with this label."""
    return f"""(() => {{
        const found = [...document.querySelectorAll("button")].find((one) =>
            one.textContent.trim() === {label!r} && !one.disabled && one.offsetParent !== null);
        if (!found) return false;
        found.click();
        return true;
    }})()"""


def says(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


async def answer(page: Any, text: str | None) -> None:
    await page.until("document.querySelector('form [name=answer]') !== null", frame=PANEL)
    if text is None:
        await page.until(press("Pass"), frame=PANEL)
    else:
        await page.run(f"document.querySelector('[name=answer]').value = {text!r}", frame=PANEL)
        await page.until(press("Share"), frame=PANEL)
    await page.until("document.querySelector('#thanks') !== null", frame=PANEL)


UNUSABLE = """(() => {
    const named = (one) => one.labels?.length || one.getAttribute("aria-label");
    const fields = [...document.querySelectorAll("input, select, textarea")].filter((one) => !named(one));
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    return [...fields.map((one) => one.name || one.id), ...(wide ? ["scrolls sideways"] : [])];
})()"""
"""What a screen reader cannot name, and whether the panel is wider than its 320 px."""


async def figures(page: Any) -> list[int]:
    script = "[...document.querySelectorAll('#figures dd')].map((one) => Number(one.textContent))"
    return list(await page.run(script, frame=PANEL) or [])


async def open_panels(place: Any, browser: Any, guest: str) -> dict[str, Any]:
    """Let three colleagues and a guest join; only the host opens the panel."""
    clients = place.clients
    joined = {name: clients.join(place.instance, user) for name, user in list(place.users.items())[:3]}
    joined[guest] = clients.join(place.instance, name=guest)
    return {name: await browser.open(clients.url(person), width=720, height=760) for name, person in joined.items()}


async def test_a_host_breaks_the_ice_in_a_meeting(
    open_gathering: Any, open_browser: Callable[[], Any], official_sdk: Path
) -> None:
    async with open_gathering(sdk=official_sdk) as place, open_browser() as browser:
        pages = await open_panels(place, browser, "Gus Guest")
        hana, ana, ben, gus = pages.values()
        await hana.until(press("Apps: Tertulia"))
        await hana.until(says("Start an icebreaker"), frame=PANEL)
        await show(hana, "1-start")
        assert await hana.run("window.zoomSdk.constructor.name", frame=PANEL) == "ZoomSdk", "Zoom's own library"
        async with aiohttp.ClientSession() as http, http.get(f"{place.server.url}/sdk.js") as served:
            assert official_sdk.read_text(encoding="utf-8") in await served.text(), "unchanged"
        await hana.until(press("Choose a question"), frame=PANEL)
        await hana.until(says("Ask everybody"), frame=PANEL)
        await show(hana, "2-lobby")
        await hana.until(press("Ask everybody"), frame=PANEL)

        for page in (ana, ben, gus):
            await page.until(press("Open app"))
        question = await hana.until("document.querySelector('.question')?.innerText", frame=PANEL)
        for page in (ana, ben, gus):
            assert await page.until("document.querySelector('.question')?.innerText", frame=PANEL) == question
        await show(ana, "3-asked")
        await answer(ana, "A kite in the wind")
        await answer(ben, None)
        await answer(gus, "Fresh bread")
        await hana.until("document.querySelector('#figures dd').textContent === '2'", frame=PANEL)
        assert await figures(hana) == [2, 1, 4]
        await hana.until(says("Fresh bread"), frame=PANEL)
        await ana.until(says("Fresh bread"), frame=PANEL)
        assert not await gus.run(says("A kite in the wind"), frame=PANEL), "a guest is not of the workspace"
        await show(hana, "4-answered")
        await show(ana, "5-thanks")

        await hana.until(press("Give everyone a turn"), frame=PANEL)
        await hana.until("document.querySelectorAll('#order li').length === 4", frame=PANEL)
        for page in (ana, ben, gus):
            await page.until(says("Everyone in turn"), frame=PANEL)
        first = await hana.run("document.querySelector('#order [aria-current]').innerText.trim()", frame=PANEL)
        speaking = pages[re.sub(r"^\d+\.\s*", "", first)]
        await speaking.until(says("Your turn"), frame=PANEL)
        await show(hana, "6-turns")
        await show(ben, "7-turn")
        await hana.until(press("Next"), frame=PANEL)
        await hana.until("document.querySelectorAll('#order .done').length === 1", frame=PANEL)

        await hana.until(press("Open the rooms"), frame=PANEL)
        await hana.until("document.querySelectorAll('.rooms li').length === 2", frame=PANEL)
        for page in pages.values():
            await page.until(says("You are in the breakout room"))
        for page in (ana, ben, gus):
            await page.until(says("with 1 other"), frame=PANEL)
        await show(hana, "8-rooms")
        await show(gus, "9-room")

        await hana.until(press("Close the rooms and end"), frame=PANEL)
        await hana.until(says("A kite in the wind"), frame=PANEL)
        await hana.until(says("That was it"), frame=PANEL)
        await gus.until(says("Thank you for taking part"), frame=PANEL)
        await show(hana, "10-end")
        await show(gus, "11-end-guest")
        assert [page.faults for page in pages.values()] == [[], [], [], []]
        assert len(place.clients.chat) == 1
        assert question in place.clients.chat[0]
        await joint_result(place)


async def joint_result(place: Any) -> None:
    """Let the colleagues who were not there be asked by mail, one of them answer, and the round close."""
    absent = {"dee@example.org", "cyd@example.org"}
    mails = place.mailbox
    await place.core.until(lambda: any(one.recipient == "dee@example.org" for one in mails.messages()))
    assert {one.recipient for one in mails.messages()} <= absent, "nobody who was there is asked again"
    (mail,) = [one for one in mails.messages() if one.recipient == "dee@example.org"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(mail.link) as page:
            text = await page.text()
            address = page.url
        form = {"csrf": field(text, "csrf"), "field.answer": "By the sea", "verb": "answer"}
        async with browser.post(address, data=form | hidden(text), headers={"sec-fetch-site": "same-origin"}) as said:
            assert said.status == 200, await said.text()
            assert "Thank you" in await said.text()
    place.core.clock.advance(timedelta(hours=25))

    async def closed() -> Any:
        async with place.core.runtime.database.read() as tx:
            rows = (await tx.execute(tables.round_table.select())).all()
        return next((row.summary for row in rows if row.state == "closed"), None)

    await place.core.until(closed)
    summary = await closed()
    assert (summary["figures"]["answered"], summary["figures"]["passed"]) == (3, 1)


def field(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    return found[1] if found else ""


def hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))


async def test_whoever_tries_the_stand_in_walks_into_its_meeting(open_gathering: Any, open_browser: Any) -> None:
    """Without npm the stand-in's own library speaks the same messages; what the client lacks is left out."""
    async with open_gathering() as place, open_browser() as browser:
        place.clients.unsupported = frozenset({"sendMessageToChat", "createBreakoutRooms"})
        door = await browser.open(f"{place.server.url}/")
        await door.until("document.querySelector('[name=panel]') !== null")
        await door.run(f"document.querySelector('[name=panel]').value = {place.panel!r}")
        await door.run("document.querySelector('form').requestSubmit()")
        await door.until(press("Apps: Tertulia"))
        await door.until(press("Choose a question"), frame=PANEL)
        await door.until("document.getElementById('in-chat')?.disabled", frame=PANEL)
        await door.until(press("Ask everybody"), frame=PANEL)
        await answer(door, "Early <img src=x onerror=alert(1)> trains")
        await door.until(press("Open the rooms"), frame=PANEL)
        await door.until(says("In the main room: "), frame=PANEL)
        await door.until(press("Close the rooms and end"), frame=PANEL)
        await door.until(says("Early <img src=x onerror=alert(1)> trains"), frame=PANEL)
        assert door.faults == []
        async with aiohttp.ClientSession() as http:
            strange = {"panel": "https://example.org/panel", "user": ""}
            async with http.post(f"{place.server.url}/join", data=strange) as refused:
                assert refused.status == 400
