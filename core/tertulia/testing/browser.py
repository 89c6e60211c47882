"""Drive a real chromium through its DevTools protocol, with nothing but aiohttp.

`found` tells whether there is one; `browser` starts one with a fresh profile. Methods and events are those of
the Chrome DevTools Protocol.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--remote-debugging-port=0",
    "--disable-backgrounding-occluded-windows", "--disable-dev-shm-usage", "--mute-audio",
)  # fmt: skip

KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " "), "Escape": (27, ""),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
    "Home": (36, ""), "End": (35, ""),
}  # fmt: skip
"""What `Page.press` presses, with the number that a keyboard sends and the text that the key gives."""
SHIFT = 8
COMPLAINTS = frozenset({"error", "warning", "assert"})
PATIENCE = 60.0
"""Seconds after which the browser is taken for stuck."""


def found() -> str | None:
    """Return the browser there is, or `None`."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """Hold the connection to one browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket, self._numbers = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told.get("sessionId") in self._pages:
                self._pages[told["sessionId"]].hear(told["method"], told["params"])

    async def call(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": given}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        told = await asyncio.wait_for(self._waiting[number], PATIENCE)
        if "error" in told:
            raise AssertionError(f"{method}: {told['error']}")
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, url: str, *, width: int = 760, height: int = 900, dark: bool = False) -> Page:
        """Open a page."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        self._pages[page.session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Page.setLifecycleEventsEnabled", enabled=True)
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.size(width, height)
        await page.theme(dark=dark)
        await page.call("Page.navigate", url=url)
        return page

    async def close(self) -> None:
        """Let go of the browser."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Page:
    """Hold one page with its frames; *faults* are what its consoles complained of."""

    def __init__(self, browser: Browser, session: str):
        self._browser, self.session = browser, session
        self._contexts: dict[str, int] = {}
        self._loaded: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.faults: list[str] = []

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call a method of the protocol for this page."""
        return await self._browser.call(method, self.session, **given)

    def hear(self, method: str, told: dict[str, Any]) -> None:
        """Take an event of the protocol."""
        if method == "Runtime.executionContextCreated":
            context = told["context"]
            if context["auxData"].get("isDefault"):
                self._contexts[context["auxData"]["frameId"]] = context["id"]
        elif method == "Runtime.executionContextsCleared":
            self._contexts.clear()
        elif method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(told["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and told["type"] in COMPLAINTS:
            self.faults.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in COMPLAINTS:
            self.faults.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Page.lifecycleEvent" and told["name"] == "load":
            self._loaded[told["loaderId"]].set()

    async def go(self, url: str) -> None:
        """Open *url* and return once it is loaded."""
        told = await self.call("Page.navigate", url=url)
        if told.get("errorText"):
            raise AssertionError(f"{url}: {told['errorText']}")
        if "loaderId" in told:
            await asyncio.wait_for(self._loaded[told["loaderId"]].wait(), PATIENCE)

    async def cookie(self, name: str, value: str, url: str) -> None:
        """Hold a cookie for *url*."""
        await self.call("Network.setCookie", name=name, value=value, url=url, httpOnly=True, sameSite="Lax")

    async def press(self, key: str, times: int = 1, *, shift: bool = False) -> None:
        """Press one of `KEYS`, or a character, as often as *times* says."""
        number, text = KEYS.get(key, (ord(key.upper()[0]), key))
        event = {"key": key, "code": key, "windowsVirtualKeyCode": number, "modifiers": SHIFT if shift else 0}
        for _ in range(times):
            await self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def write(self, text: str) -> None:
        """Write *text* where the focus is."""
        await self.call("Input.insertText", text=text)

    async def size(self, width: int, height: int) -> None:
        """Give the page a size."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def theme(self, *, dark: bool) -> None:
        """Prefer a dark or a light page."""
        await self.media(prefers_color_scheme="dark" if dark else "light")

    async def media(self, **features: str) -> None:
        """Prefer what media *features* say, written with `_`, and nothing else."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=named)

    async def run(self, script: str, *, frame: str = "") -> Any:
        """Evaluate an expression in the page, or in its frame whose address has *frame* in it."""
        tree = (await self.call("Page.getFrameTree"))["frameTree"]
        frames = [tree["frame"], *(child["frame"] for child in tree.get("childFrames", ()))]
        chosen = next((one for one in frames[1:] if frame in one["url"]), None) if frame else frames[0]
        if chosen is None or chosen["id"] not in self._contexts:
            return None
        told = await self.call(
            "Runtime.evaluate",
            expression=script,
            contextId=self._contexts[chosen["id"]],
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in told:
            raise AssertionError(f"{script}: {told['exceptionDetails']}")
        return told["result"].get("value")

    async def until(self, script: str, *, frame: str = "", seconds: float = 60) -> Any:
        """Wait until an expression is true, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if value := await self.run(script, frame=frame):
                    return value
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                shown = await self.run("document.body.innerText", frame=frame)
                raise AssertionError(f"never true: {script}; shown: {shown!r}; faults: {self.faults}")
            await asyncio.sleep(0.05)

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of what is in sight, or of the *whole* page."""
        await self.call("Page.bringToFront")  # what is not in front is not drawn
        told = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(told["data"]))


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Start a browser of its own with a fresh profile in *folder*."""
    program = found()
    assert program is not None
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        program,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _address(profile / "DevToolsActivePort")
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(address, max_msg_size=64 * 1024 * 1024) as socket,
        ):
            made = Browser(socket)
            try:
                yield made
            finally:
                await made.close()
    finally:
        process.terminate()
        await process.wait()


async def _address(file: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        lines = await asyncio.to_thread(_lines, file)
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.05)
    raise AssertionError("the browser did not start")


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
