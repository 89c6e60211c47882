"""The stand-in's board page in a real browser: a ritual card is lived there, and the plugin takes what was done."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tertulia import Field, Place, new_id
from tertulia.testing.samples import sample_prompt

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
CHROMIUM = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to show the board page")
QUESTION = replace(
    sample_prompt(),
    fields=(
        Field(key="answer", kind="short", label="Your answer"),
        Field(key="there", kind="confirm", label="I will be <there>"),
    ),
)
ARTICLE = "[...document.querySelectorAll('article')].find(one => one.querySelector('h3').textContent === {name})"


class BoardPage:
    """Drive one page of a headless chromium over its DevTools protocol, and note what it complains of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket, self._numbers, self._session = socket, itertools.count(1), ""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []

    async def listen(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif _is_complaint(told["method"], told["params"]):
                self.complaints.append(json.dumps(told["params"]))

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._waiting[number] = waiting = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        told = await asyncio.wait_for(waiting, 30)
        assert "error" not in told, (method, told)
        return told["result"]

    async def begin(self) -> None:
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def run(self, script: str) -> Any:
        told = await self.call("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until *script* is true of a page that is loaded."""
        deadline = time.monotonic() + 60
        while True:
            with suppress(AssertionError):  # the page may just be going
                if await self.run(f"document.readyState === 'complete' && Boolean({script})"):
                    return
            assert time.monotonic() < deadline, (script, await self.run("document.body.innerText"))
            await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href === {json.dumps(url)}")

    async def become(self, name: str) -> None:
        """Choose who acts, as a person does: by the list in the page's head."""
        choice = "document.querySelector('header select')"
        option = f"[...{choice}.options].find(one => one.text === {json.dumps(name)})"
        member = await self.run(f"{option}.value")
        await self.run(f"{choice}.value = '{member}'; {choice}.form.querySelector('button').click()")
        await self.until(f"location.search === '?as={member}' && {choice}?.value === '{member}'")

    async def press(self, article: str, words: str) -> None:
        """Press the button of a card that has these words."""
        buttons = f"[...{article}.querySelectorAll('button')]"
        await self.run(f"{buttons}.find(one => one.textContent.includes({json.dumps(words)})).click()")

    async def fits(self, width: int, *, dark: bool) -> None:
        """Hold the page to a width and a scheme: nothing stands beyond the edge, and words stand out."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[feature])
        assert await self.run("innerWidth") == width
        assert await self.run("document.documentElement.scrollWidth") <= width
        beyond = (
            "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth)"
        )
        assert await self.run(f"{beyond}.map(one => one.outerHTML.slice(0, 80))") == []
        ink, ground = await self._luminances()
        assert (ink > ground) is dark
        lighter, darker = max(ink, ground), min(ink, ground)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5

    async def _luminances(self) -> tuple[float, float]:
        """Return the luminance of a card's words and of its ground, as WCAG 2.2 defines it."""
        style = "getComputedStyle(document.querySelector('article'))"
        both = await self.run(f"[{style}.color, {style}.backgroundColor].map(one => one.match(/\\d+/g).map(Number))")
        ink, ground = (_luminance(color) for color in both)
        return ink, ground


def _is_complaint(method: str, params: Any) -> bool:
    """Tell whether the page complains: an error of a script, of the network or of a content security policy."""
    if method == "Log.entryAdded":
        return params["entry"]["level"] in ("error", "warning")
    logged = method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert", "warning")
    return logged or method == "Runtime.exceptionThrown"


def _luminance(color: list[int]) -> float:
    parts = [part / 255 for part in color[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[BoardPage]:
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *FLAGS,
        f"--user-data-dir={folder}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _written(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
            page = BoardPage(socket)
            listening = asyncio.create_task(page.listen())
            await page.begin()
            yield page
            listening.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _written(path: Path) -> str:
    for _ in range(600):
        if path.is_file() and len(words := path.read_text(encoding="utf-8").split()) == 2:
            return f"ws://127.0.0.1:{words[0]}{words[1]}"
        await asyncio.sleep(0.05)
    raise AssertionError("the browser did not start within 30 s")


def article_of(name: str) -> str:
    return ARTICLE.format(name=json.dumps(name))


async def test_a_comment_in_the_page_is_an_answer_and_the_page_shows_that_it_was_taken(
    open_village: Any, tmp_path: Path
) -> None:
    async with (
        open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place,
        opened(tmp_path / "b") as page,
    ):
        place.core.clock.advance(timedelta(hours=1, seconds=1))
        card = await place.card()
        await place.link("Ana", card)
        board = f"{place.server.url}/board/{place.board}"
        article = article_of("Two minutes for each other")
        await page.open(board)
        await page.until(f"{article}?.innerText.includes('Answer with a comment')")
        await page.become("Ana")
        await page.run(f"{article}.querySelector('textarea').focus()")
        await page.call("Input.insertText", text="The lake <b>at six</b>.")
        before = await page.run(f"{article}.querySelectorAll('ol.life > li').length")
        await page.press(article, "Comment")
        await page.until(f"{article}?.querySelectorAll('ol.life > li').length > {before}")
        assert await page.run(f"{article}.querySelector('ol.life > li:last-child .text').innerText") == (
            "The lake <b>at six</b>."
        )

        async def kept() -> bool:
            return [(row.person_id, row._mapping["values"]["answer"]) for row in await place.responses()] == [
                (place.people["Ana"], "The lake <b>at six</b>.")
            ]

        await place.core.until(kept)
        comment = place.town.card_actions(card)[-1]["id"]
        await place.core.until(lambda: comment in place.town.reactions)
        await page.open(f"{board}?as={place.accounts['Ben']}")
        assert "Reactions: " in await page.run(f"{article}.querySelector('ol.life > li:last-child').innerText")
        for width in (390, 1280):
            for dark in (False, True):
                await page.fits(width, dark=dark)
        assert page.complaints == []


async def test_a_tick_and_a_vote_in_the_page_are_answers(open_bench: Any, tmp_path: Path) -> None:
    async with open_bench() as bench, opened(tmp_path / "b") as page:
        here = Place(platform="trello", ref=bench.board, kind="board")
        await bench.platform.ritual.post(here, QUESTION, new_id())
        article = article_of(QUESTION.title)
        await page.open(f"{bench.server.url}/board/{bench.board}")
        await page.become("Carla")
        await page.fits(390, dark=True)
        tick = f"{article}?.querySelector('[aria-pressed]')"
        assert await page.run(f"{tick}.textContent") == "☐ I will be <there>"
        await page.press(article, "I will be")
        await page.until(f"{tick}.getAttribute('aria-pressed') === 'true'")
        await page.become("Ben")
        await page.press(article, "Vote (0)")
        await page.until(f"{article}?.innerText.includes('Vote (1)')")
        async for _ in bench.platform.participation.since(None, frozenset({here})):
            pass
        answers = [one.value for one in bench.context.inbox.received if one.name == "answered"]
        assert [(one["actor"].user, one["values"]) for one in answers] == [
            (bench.carla, {"there": True}),
            (bench.ben, {"there": True}),
        ]
        assert {one["token"] for one in answers} == {QUESTION.actions[0].token}
        await page.fits(1280, dark=False)
        assert page.complaints == []
