"""A quiz in the panel, in a real browser: question after question, and how all stand in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PANEL = "/panel"
PICTURES = os.environ.get("TERTULIA_PICTURES")
"""A folder to which pictures of the panel are written, to be looked at."""
QUIZ = """
[[practice]]
key = "quiz"
kind = "quiz"
title = "Quiz"
cadence = { rule = "FREQ=YEARLY", start = "2026-12-01T09:00" }
options = { questions = 3 }
"""


async def show(page: Any, name: str) -> None:
    """Check that the panel is no wider than its 320 px, and write pictures of it where somebody wants to see them."""
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.run(wide, frame=PANEL), name
    if PICTURES:
        for theme in (False, True):
            await page.theme(dark=theme)
            await page.picture(Path(PICTURES) / f"quiz-{name}-{'dark' if theme else 'light'}.png")
        await page.theme(dark=False)


def press(label: str) -> str:
    return f"""(() => {{
        const found = [...document.querySelectorAll("button")].find((one) =>
            one.textContent.trim() === {label!r} && !one.disabled && one.offsetParent !== null);
        if (!found) return false;
        found.click();
        return true;
    }})()"""


def says(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


def choose(field: str) -> str:
    """Choose the first option and tick to be shown."""
    return f"""(() => {{
        const first = document.querySelector("[name={field}]"), tick = document.querySelector("[name=shown]");
        if (!first) return false;
        first.checked = true;
        tick.checked = true;
        return true;
    }})()"""


async def test_a_quiz_is_played_in_the_panel(open_gathering: Any, open_browser: Callable[[], Any]) -> None:
    async with open_gathering() as place, open_browser() as browser:
        await place.core.apply(place.home, QUIZ)
        clients, users = place.clients, list(place.users.items())[:2]
        joined = [clients.join(place.instance, user) for _, user in users]
        hana, ana = [await browser.open(clients.url(one), width=720, height=760) for one in joined]
        await hana.until(press("Apps: Tertulia"))
        await hana.until(press("Choose a question"), frame=PANEL)
        await hana.until(press("Ask everybody"), frame=PANEL)
        await ana.until(press("Open app"))
        await ana.until(says("Question 1 of 3"), frame=PANEL)
        await ana.until(choose("q1"), frame=PANEL)
        await show(ana, "1-asked")
        await ana.until(press("Send"), frame=PANEL)
        await ana.until("document.querySelector('#thanks') !== null", frame=PANEL)
        await hana.until("document.querySelector('#figures dd').textContent === '1'", frame=PANEL)
        await hana.until(press("Close the question"), frame=PANEL)
        for page in (hana, ana):
            await page.until(says("1. Ana Sousa:"), frame=PANEL)
        await show(hana, "2-stands")
        await hana.until(press("Next question"), frame=PANEL)
        await ana.until(says("Question 2 of 3"), frame=PANEL)
        await ana.until("document.querySelector('[name=q2]') !== null", frame=PANEL)
        assert await ana.run("document.querySelector('[name=shown]').checked", frame=PANEL)
        await show(ana, "3-next")
        await hana.until(press("End the quiz"), frame=PANEL)
        await ana.until(says("1 person played."), frame=PANEL)
        await show(ana, "4-end")
        assert [page.faults for page in (hana, ana)] == [[], []]
