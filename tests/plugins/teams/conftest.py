"""Microsoft's own contracts, which lie beside the checkout and are no part of it; and a Bot Connector's tokens."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jsonschema import Draft202012Validator
from jwt.algorithms import RSAAlgorithm
from multidict import CIMultiDict

from tertulia import Markup, Place, Reply
from tertulia.testing.context import FakeContext
from tertulia_teams import cards
from tertulia_teams.config import Settings
from tertulia_teams.routes import Messages

Make: TypeAlias = Callable[..., Any]
BESIDE = Path(__file__).parents[4] / "shared" / "contracts"


@cache
def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def contract() -> Callable[[str], Any]:
    """Return what reads a contract by its path; a test that needs an absent one is skipped."""
    folder = Path(os.environ.get("TERTULIA_CONTRACTS", BESIDE))

    def read(name: str) -> Any:
        if not (folder / name).is_file():
            pytest.skip(f"the contract {name} is not here; TERTULIA_CONTRACTS names the folder it is in")
        return _read(folder / name)

    return read


TENANT = "11111111-2222-4333-8444-555555555555"
APP = "99999999-8888-4777-8666-555555555555"
ANA, BEN = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
ISSUER = "https://api.botframework.com"
DATA = {cards.TOKEN: "sealed", "one.going": "3", "many.days": "mon,tue", "confirm.sure": "true", "long.word": ""}
METADATA = "/bot/v1/.well-known/openidconfiguration"


@dataclass
class Issuer:
    """Sign tokens as the Bot Connector does, and publish the keys over HTTP; outages can be scripted."""

    known: dict[str, tuple[RSAPrivateKey, list[str] | None]]
    spare: RSAPrivateKey
    reads: list[str] = field(default_factory=list)
    delay: float = 0.0
    status: int = 200
    jwks_uri: str | None = None
    document: object = None
    url: str = ""

    def token(self, *, kid: str = "one", algorithm: str = "RS256", key: Any = None, **claims: Any) -> str:
        """Make a token; a claim that is given as `None` is left out."""
        now = int(time.time())
        said = {"iss": ISSUER, "aud": APP, "nbf": now - 10, "exp": now + 3600, "serviceurl": f"{self.url}/connector/"}
        said = {name: value for name, value in {**said, **claims}.items() if value is not None}
        signer = key if key is not None else self.known[kid][0]
        return jwt.api_jws.encode(json.dumps(said).encode(), signer, algorithm, headers={"kid": kid})

    async def metadata(self, request: web.Request) -> web.Response:
        return await self._answer(request, {"jwks_uri": self.jwks_uri or f"{self.url}/keys"})

    async def keys(self, request: web.Request) -> web.Response:
        return await self._answer(request, {"keys": [self._key(kid) for kid in self.known]})

    def _key(self, kid: str) -> dict[str, Any]:
        private, endorsements = self.known[kid]
        key = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True) | {"kid": kid, "use": "sig"}
        return key if endorsements is None else key | {"endorsements": endorsements}

    async def _answer(self, request: web.Request, body: Any) -> web.Response:
        self.reads.append(request.path)
        await asyncio.sleep(self.delay)
        return web.json_response(body if self.document is None else self.document, status=self.status)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Issuer]:
        app = web.Application()
        app.router.add_get(METADATA, self.metadata)
        app.router.add_get("/keys", self.keys)
        app.router.add_get(f"/login/{TENANT}/discovery/v2.0/keys", self.keys)
        async with TestServer(app, host="127.0.0.1") as server:
            self.url = f"http://127.0.0.1:{server.port}"
            yield self


@pytest.fixture(scope="session")
def private_keys() -> list[RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(3)]


@pytest.fixture
def issuer(private_keys: list[RSAPrivateKey]) -> Issuer:
    """Return an issuer whose key `one` speaks for Teams, while `two` does not; it does not serve yet."""
    known = {"one": (private_keys[0], ["msteams", "skype"]), "two": (private_keys[1], ["skype"])}
    return Issuer(known=dict(known), spare=private_keys[2])


@pytest.fixture
def settings_of() -> Callable[..., Settings]:
    """Return what makes the settings of an installation beside an issuer."""

    def made(url: str | None, **others: Any) -> Settings:
        given = {"app_id": APP, "app_secret": "s" * 20, "tenant_id": TENANT, "stand_in": url, **others}
        return Settings.model_validate(given)

    return made


@dataclass
class Said:
    """Be the speech of a bot, and remember what was said; *pause* makes it slow."""

    replies: list[tuple[str, Reply]] = field(default_factory=list)
    typing_in: list[str] = field(default_factory=list)
    places: list[tuple[str, Any]] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    by_us: set[str] = field(default_factory=set)
    carrying: set[str] = field(default_factory=set)
    pause: float = 0.0
    error: Exception | None = None

    async def reply(self, to: str, reply: Reply) -> None:
        await asyncio.sleep(self.pause)
        if self.error is not None:
            raise self.error
        self.replies.append((to, reply))

    async def typing(self, to: Any) -> None:
        self.typing_in.append(to.conversation)

    async def user(self, place: Any, account: str) -> str | None:
        if self.error is not None:
            raise self.error
        return self.accounts.get(account)

    async def installed(self, activity: Any) -> None:
        self.places.append(("installed", activity))

    async def heard(self, activity: Any) -> None:
        self.places.append(("heard", activity))

    async def installed_by_us(self, user: str) -> bool:
        return user in self.by_us

    async def uninstalled(self, activity: Any) -> None:
        self.places.append(("uninstalled", activity))

    async def meeting_seen(self, activity: Any) -> None:
        self.places.append(("meeting", activity))

    async def carried(self, place: Place) -> bool:
        return place.ref in self.carrying


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def activity_of() -> Callable[..., dict[str, Any]]:
    """Return what makes a genuine activity; what is given replaces what would be there."""

    def made(kind: str = "message", **parts: Any) -> dict[str, Any]:
        return {
            "type": kind,
            "id": "1700000000001",
            "timestamp": "2026-01-05T09:00:00.0000000Z",
            "channelId": "msteams",
            "serviceUrl": "https://smba.trafficmanager.net/teams/",
            "from": {"id": "29:ana", "name": "Ana", "aadObjectId": ANA},
            "recipient": {"id": f"28:{APP}", "name": "Tertulia"},
            "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": TENANT},
            "channelData": {"tenant": {"id": TENANT}},
            "locale": "en-GB",
            **parts,
        }

    return made


@dataclass
class Arrived:
    """Be what the handler reads of a request."""

    headers: CIMultiDict[str]
    body: bytes
    content_type: str = "application/json"

    async def read(self) -> bytes:
        return self.body


@dataclass
class Chat:
    """Hold a bot and what it took and said."""

    context: FakeContext
    messages: Messages
    said: Any
    issuer: Any
    make: Make
    schema: Any

    def activity(self, kind: str, **parts: Any) -> dict[str, Any]:
        """Make an activity and hold it to Microsoft's own contract."""
        made: dict[str, Any] = self.make(kind, serviceUrl=f"{self.issuer.url}/connector/", **parts)
        self.schema.validate(made)
        return made

    def arrived(self, headers: CIMultiDict[str], body: bytes) -> Any:
        """Return a request as the handler reads it."""
        return Arrived(headers, body)

    async def send(self, kind: str, **parts: Any) -> Any:
        headers = CIMultiDict({"Authorization": f"Bearer {self.issuer.token()}"})
        request = self.arrived(headers, json.dumps(self.activity(kind, **parts)).encode())
        response = await self.messages.take(request)
        assert response.status == 200
        body: Any = response.body
        return json.loads(body) if body else None

    async def press(self, data: object = DATA, **parts: Any) -> Any:
        action = {"type": "Action.Execute", "verb": "answer", "data": data}
        return await self.send(
            "invoke", name="adaptiveCard/action", value={"action": action, "trigger": "manual"}, **parts
        )

    def got(self, name: str) -> list[Any]:
        return [one.value for one in self.context.inbox.received if one.name == name]

    def answer(self, **parts: Any) -> None:
        self.context.inbox.reply = Reply(**{"status": "taken", "text": Markup.literal("Thank you."), **parts})


@pytest.fixture
def open_chat(issuer: Any, settings_of: Make, said: Any, activity_of: Make, contract: Make) -> Make:
    text = json.dumps(contract("teams/microsoft-teams-api-2.1.1.activity.schema.json"))
    # an entity of a known kind fits the unknown kind too, and `oneOf` takes that for a fault
    schema = Draft202012Validator(json.loads(text.replace(', {"$ref": "#/$defs/UnknownEntity"}', "")))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Chat]:
        async with issuer.serve(), FakeContext(settings=settings_of(issuer.url)) as context:
            messages = Messages(context, said)
            yield Chat(context, messages, said, issuer, activity_of, schema)
            await messages.turns.close()

    return opened


class Browser:
    """Drive one page of a headless Chromium through its own debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket, self._number, self._session = socket, 0, ""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._contexts: dict[int, str] = {}
        self.complaints: list[str] = []

    @property
    def origins(self) -> set[str]:
        """The origins of the page and its frames."""
        return set(self._contexts.values())

    async def listen(self) -> None:
        async for message in self._socket:
            said = message.json()
            waiting = self._waiting.pop(said.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
            elif "method" in said:
                self._heard(said["method"], said.get("params", {}))

    def _heard(self, method: str, said: dict[str, Any]) -> None:
        if method == "Runtime.executionContextCreated":
            self._contexts[said["context"]["id"]] = said["context"]["origin"]
        elif method == "Runtime.executionContextDestroyed":
            self._contexts.pop(said["executionContextId"], None)
        elif method == "Runtime.executionContextsCleared":
            self._contexts.clear()
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error":
            if not said["entry"].get("url", "").endswith("/favicon.ico"):
                self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"])[:500])

    async def call(self, method: str, **params: Any) -> Any:
        self._number += 1
        waiting = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": self._number, "method": method, "params": params, **session})
        answer = await asyncio.wait_for(waiting, 20)
        assert "error" not in answer, answer
        return answer["result"]

    async def begin(self) -> None:
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def run(self, script: str, origin: str) -> Any:
        """Run *script* in the page or the frame of *origin*, and return what it comes to."""
        (context,) = [one for one, known in self._contexts.items() if known == origin][-1:]
        params = {"expression": script, "contextId": context, "returnByValue": True, "userGesture": True}
        result = await self.call("Runtime.evaluate", **params)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, origin: str, seconds: float = 60) -> None:
        """Wait until *script* is true."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(ValueError, AssertionError):
                if await self.run(script, origin):
                    return
            assert time.monotonic() < deadline, (script, self.origins, self.complaints)
            await asyncio.sleep(0.05)

    async def cookies(self) -> list[Any]:
        return list((await self.call("Network.getAllCookies"))["cookies"])

    async def picture(self, path: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Write what is seen to a file."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[feature])
        await asyncio.sleep(0.3)
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot"))["data"]))


@pytest.fixture
def open_browser(tmp_path: Path) -> Make:
    """Return what starts a headless Chromium; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium here")
    flags = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-component-update"]
    flags += ["disable-background-networking", "disable-sync", "remote-debugging-port=0"]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Browser]:
        folder = tmp_path / "browser"
        process = await asyncio.create_subprocess_exec(
            program,
            *(f"--{flag}" for flag in flags),
            f"--user-data-dir={folder}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port, path = (await _written(folder / "DevToolsActivePort")).split()
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
            ):
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                await browser.begin()
                yield browser
                listening.cancel()
        finally:
            process.terminate()
            await process.wait()

    return opened


async def _written(path: Path) -> str:
    for _ in range(600):
        if path.is_file() and len(path.read_text().split()) == 2:
            return path.read_text()
        await asyncio.sleep(0.05)
    raise AssertionError("the browser did not start within 30 s")
