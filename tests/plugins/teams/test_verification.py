"""Only the connector's own tokens are believed; whatever else is sent is refused, and nothing of it breaks us."""

from __future__ import annotations

import asyncio
import base64
import hmac
import io
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives import serialization

import tertulia_teams
from tertulia import Refused
from tertulia.openid.keys import FRESH, PATIENCE, USABLE
from tertulia.testing.context import FakeContext
from tertulia_teams.config import Settings
from tertulia_teams.routes import LARGEST, Messages
from tertulia_teams.verification import Claims, PersonVerifier, Verifier

Issuer: TypeAlias = Any
Make: TypeAlias = Callable[..., Any]
TENANT = "11111111-2222-4333-8444-555555555555"
APP = "99999999-8888-4777-8666-555555555555"
ANA = "aaaaaaaa-0000-4000-8000-000000000001"
CARD = {"action": {"type": "Action.Execute", "data": {"tertulia": "token", "one.a": "1"}}, "trigger": "manual"}


@dataclass
class Bench:
    """Hold a messaging endpoint and what it believes."""

    issuer: Issuer
    client: Any
    context: FakeContext
    activity: Make
    monotonic: list[float]

    def body(self, **parts: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.activity(
            "invoke", name="adaptiveCard/action", value=CARD, serviceUrl=f"{self.issuer.url}/connector/"
        )
        return {**made, **parts}

    async def send(self, token: str | None = None, **options: Any) -> int:
        """Send a request and return its status; what is not given is as a genuine one has it."""
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {self.issuer.token() if token is None else token}"
        headers.update(options.pop("headers", {}))
        data = options.pop("data", None) or json.dumps(self.body(**options))
        data = io.BytesIO(data) if isinstance(data, bytes) else data
        sent = {name: value for name, value in headers.items() if value is not None}
        async with self.client.post(
            "/messages", data=data, headers=sent, skip_auto_headers=["Content-Type"]
        ) as answer:
            return int(answer.status)

    @property
    def taken(self) -> int:
        return sum(one.name == "answered" for one in self.context.inbox.received)


@asynccontextmanager
async def bench(issuer: Issuer, settings_of: Make, said: Any, activity_of: Make) -> AsyncIterator[Bench]:
    monotonic = [1_000_000.0]
    async with issuer.serve(), FakeContext(settings=settings_of(issuer.url)) as context:
        messages = Messages(context, said, now=lambda: monotonic[0])
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_post("/messages", messages.take)
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            yield Bench(issuer, client, context, activity_of, monotonic)


@pytest.fixture
def open_bench(issuer: Issuer, settings_of: Make, said: Any, activity_of: Make) -> Make:
    return lambda: bench(issuer, settings_of, said, activity_of)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def header(token: str, **changes: Any) -> str:
    """Replace parts of a token's header, which breaks its signature unless that is none."""
    _, claims, signature = token.split(".")
    return f"{part({**jwt.get_unverified_header(token), **changes})}.{claims}.{signature}"


def payload(issuer: Issuer, text: str) -> str:
    """Sign a payload that need not be JSON of an object."""
    return jwt.api_jws.encode(text.encode(), issuer.known["one"][0], "RS256", headers={"kid": "one"})


def confused(issuer: Issuer) -> str:
    """Sign with the public key as if it were a secret, which libraries refuse to do."""
    public = issuer.known["one"][0].public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, claims, _ = header(issuer.token(), alg="HS256").split(".")
    mac = hmac.digest(secret, f"{head}.{claims}".encode(), "sha256")
    return f"{head}.{claims}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def now() -> int:
    return int(time.time())


TOKENS: dict[str, tuple[Callable[[Issuer], str], int]] = {
    # believed
    "genuine": (lambda i: i.token(), 200),
    "expired 4 minutes ago, inside the skew": (lambda i: i.token(exp=now() - 240), 200),
    "in force in 4 minutes, inside the skew": (lambda i: i.token(nbf=now() + 240), 200),
    "with the SDK's further claims": (lambda i: i.token(ver="1.0", azp=APP, appid=APP), 200),
    "for the address without its last slash": (lambda i: i.token(serviceurl=f"{i.url}/connector"), 200),
    # time
    "expired": (lambda i: i.token(exp=now() - 400), 401),
    "not yet in force": (lambda i: i.token(nbf=now() + 400), 401),
    "without exp": (lambda i: i.token(exp=None), 401),
    "without nbf": (lambda i: i.token(nbf=None), 401),
    "exp is text": (lambda i: i.token(exp="tomorrow"), 401),
    "exp is a list": (lambda i: i.token(exp=[1]), 401),
    "exp is endless": (lambda i: payload(i, '{"iss":"x","aud":"y","nbf":1,"exp":Infinity}'), 401),
    "issued in the future": (lambda i: i.token(iat=now() + 4000), 401),
    # issuer
    "of the emulator, v1": (lambda i: i.token(iss=f"https://sts.windows.net/{TENANT}/", appid=APP), 401),
    "of the emulator, v2": (
        lambda i: i.token(iss=f"https://login.microsoftonline.com/{TENANT}/v2.0", azp=APP, ver="2.0"),
        401,
    ),
    "our own outbound token": (
        lambda i: i.token(
            iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/",
            aud="https://api.botframework.com",
            appid=APP,
        ),
        401,
    ),
    "of a skill": (lambda i: i.token(iss=f"https://sts.windows.net/{TENANT}/", azp="other", ver="1.0"), 401),
    "of the government's cloud": (lambda i: i.token(iss="https://api.botframework.us"), 401),
    "without issuer": (lambda i: i.token(iss=None), 401),
    "issuer is a list": (lambda i: i.token(iss=["https://api.botframework.com"]), 401),
    "issuer with a slash": (lambda i: i.token(iss="https://api.botframework.com/"), 401),
    # audience
    "for another bot": (lambda i: i.token(aud="00000000-8888-4777-8666-555555555555"), 401),
    "without audience": (lambda i: i.token(aud=None), 401),
    "for nobody": (lambda i: i.token(aud=""), 401),
    "for several": (lambda i: i.token(aud=[APP, "other"]), 401),
    "audience is a number": (lambda i: i.token(aud=1), 401),
    # signature and header
    "signed by somebody else": (lambda i: i.token(key=i.spare), 401),
    "signed by an unknown key": (lambda i: i.token(key=i.spare, kid="three"), 401),
    "changed after signing": (lambda i: changed(i.token()), 401),
    "without signature": (lambda i: i.token().rpartition(".")[0] + ".", 401),
    "alg none": (lambda i: header(i.token(), alg="none").rpartition(".")[0] + ".", 401),
    "HS256 with the public key": (confused, 401),
    "HS256 named in the header": (lambda i: header(i.token(), alg="HS256"), 401),
    "PS256": (lambda i: i.token(algorithm="PS256"), 401),
    "RS512": (lambda i: i.token(algorithm="RS512"), 401),
    "no kid": (lambda i: header(i.token(), kid=None), 401),
    "kid is a list": (lambda i: header(i.token(), kid=["one"]), 401),
    "kid is a path": (lambda i: header(i.token(), kid="../../etc/passwd"), 401),
    "brings its own key": (lambda i: header(i.token(key=i.spare, kid="three"), jwk={"kty": "RSA"}, x5u="x"), 401),
    "critical extension": (lambda i: header(i.token(), crit=["b64"], b64=False), 401),
    # no token at all
    "empty": (lambda i: "", 401),
    "garbage": (lambda i: "garbage", 401),
    "three parts of garbage": (lambda i: "a.b.c", 401),
    "five parts, encrypted": (lambda i: "a.b.c.d.e", 401),
    "header is a list": (lambda i: f"{part([1])}.{part({})}.x", 401),
    "payload is a list": (lambda i: payload(i, "[]"), 401),
    "payload is no JSON": (lambda i: payload(i, "{"), 401),
    "payload nests deep": (lambda i: payload(i, "[" * 5_000), 401),
    "longer than a header may be": (lambda i: i.token(more="x" * 20_000), 400),
    # what it was made for
    "without serviceurl": (lambda i: i.token(serviceurl=None), 401),
    "serviceurl is a list": (lambda i: i.token(serviceurl=["x"]), 401),
    "for another address": (lambda i: i.token(serviceurl="https://smba.trafficmanager.net/teams/"), 403),
    "by a key that does not speak for Teams": (lambda i: i.token(kid="two"), 403),
}


def changed(token: str) -> str:
    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{head}.{part({**said, 'exp': now() + 9_999})}.{signature}"


HEADERS: dict[str, tuple[Mapping[str, str | None], int]] = {
    "no authorization": ({"Authorization": None}, 401),
    "only the scheme": ({"Authorization": "Bearer"}, 401),
    "another scheme": ({"Authorization": "Basic YTpi"}, 401),
    "no content type": ({"Content-Type": None}, 415),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "text": ({"Content-Type": "text/plain"}, 415),
    "JSON with a charset": ({"Content-Type": "application/json; charset=utf-8"}, 200),
}

BODIES: dict[str, tuple[bytes, int]] = {
    "broken JSON": (b"{", 400),
    "a list": (b"[]", 400),
    "a text": (b'"x"', 400),
    "null": (b"null", 400),
    "no bytes of UTF-8": (b"\xff\xfe{}", 400),
    "an object without anything": (b"{}", 400),
    "nests deep": (b"[" * 100_000, 400),
    "nests deep and closes": (b'{"a":' * 500 + b"1" + b"}" * 500, 400),
    "not a number": (b'{"type":NaN}', 400),
    "too large": (b'{"type":"' + b"x" * LARGEST + b'"}', 413),
    "larger than anybody reads": (b'{"type":"' + b"x" * 2_000_000 + b'"}', 413),
}

PARTS: dict[str, tuple[dict[str, Any], int]] = {
    "from is a text": ({"from": "ana"}, 400),
    "conversation is a text": ({"conversation": "a:1"}, 400),
    "no conversation": ({"conversation": None}, 400),
    "type is a number": ({"type": 1}, 400),
    "a time that is none": ({"timestamp": "yesterday"}, 400),
    "entities are no list": ({"entities": "x"}, 400),
    "no service": ({"serviceUrl": None}, 400),
    "channel data is a list": ({"channelData": []}, 400),
    "tenant is a text": ({"channelData": {"tenant": "x"}}, 400),
    "another channel": ({"channelId": "webchat"}, 403),
    "a channel the key speaks for, not ours": ({"channelId": "skype"}, 403),
    "the emulator's channel": ({"channelId": "emulator"}, 403),
    "no channel": ({"channelId": None}, 403),
    "an address of somebody else": ({"serviceUrl": "https://evil.example/"}, 403),
    "another tenant": ({"channelData": {"tenant": {"id": APP}}}, 403),
    "another tenant's conversation": ({"conversation": {"id": "a:1", "tenantId": APP}}, 403),
    "another tenant's person": ({"from": {"id": "29:x", "aadObjectId": ANA, "tenantId": APP}}, 403),
    "no tenant": ({"channelData": None, "conversation": {"id": "a:1"}}, 403),
}


def test_the_matrix_is_large_enough() -> None:
    assert len(TOKENS) + len(HEADERS) + len(BODIES) + len(PARTS) >= 49


async def test_only_genuine_tokens_are_believed(open_bench: Make) -> None:
    async with open_bench() as bench:
        got = {name: await bench.send(make(bench.issuer)) for name, (make, _) in TOKENS.items()}
        assert got == {name: status for name, (_, status) in TOKENS.items()}
        # each believed one was the same event, so that it counts once
        assert bench.taken == 1


async def test_headers(open_bench: Make) -> None:
    async with open_bench() as bench:
        got = {name: await bench.send(headers=dict(headers)) for name, (headers, _) in HEADERS.items()}
        assert got == {name: status for name, (_, status) in HEADERS.items()}


async def test_two_tokens_are_none(open_bench: Make) -> None:
    async with open_bench() as bench:
        token = f"Bearer {bench.issuer.token()}"
        headers = [("Authorization", token), ("Authorization", token), ("Content-Type", "application/json")]
        async with bench.client.post("/messages", data=json.dumps(bench.body()), headers=headers) as answer:
            assert answer.status in (400, 401)
        assert bench.taken == 0


async def test_bodies(open_bench: Make) -> None:
    async with open_bench() as bench:
        got = {name: await bench.send(data=body) for name, (body, _) in BODIES.items()}
        assert got == {name: status for name, (_, status) in BODIES.items()}
        got = {name: await bench.send(**parts) for name, (parts, _) in PARTS.items()}
        assert got == {name: status for name, (_, status) in PARTS.items()}
        assert bench.taken == 0


async def test_the_bots_words_go_to_no_address_of_somebody_else(open_bench: Make, said: Any) -> None:
    async with open_bench() as bench:
        for url in ("https://evil.example/", "http://169.254.169.254/", "https://smba.trafficmanager.net/teams/"):
            token = bench.issuer.token(serviceurl=url)
            assert await bench.send(token, serviceUrl=url) == 403
            install = bench.activity("installationUpdate", action="add", serviceUrl=url)
            assert await bench.send(token, data=json.dumps(install).encode()) == 403
        assert bench.context.inbox.received == said.places == said.replies == []
        assert bench.context.store.values == {}


async def test_a_stranger_learns_nothing_of_the_body(open_bench: Make) -> None:
    async with open_bench() as bench:
        assert await bench.send("garbage", data=b"{") == 401
        assert await bench.send("garbage", headers={"Content-Type": None}) == 401


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://smba.trafficmanager.net/teams/", True),
        ("https://smba.trafficmanager.net/emea/", True),
        ("http://smba.trafficmanager.net/teams/", False),
        ("https://smba.trafficmanager.net.evil.example/", False),
        ("https://evil.example/smba.trafficmanager.net", False),
        ("https://smba.trafficmanager.net@evil.example/", False),
        ("https://smba.trafficmanager.net:8443/", False),
        ("https://smba.trafficmanager.net/{0}/", False),
        ("https://smba.trafficmanager.net/../x", False),
        ("https://graph.microsoft.com/", False),
        ("https://127.0.0.1/", False),
        ("https://[::1", False),
        ("file:///etc/passwd", False),
    ],
)
def test_services_of_others_are_refused_even_with_a_genuine_token(
    url: str, trusted: bool, settings_of: Make, activity_of: Make
) -> None:
    verifier = Verifier(settings_of(None), lambda: pytest.fail("nothing is asked"))
    claims, activity = Claims(url, frozenset({"msteams"})), activity_of(serviceUrl=url)
    if trusted:
        verifier.check(claims, activity)
        return
    with pytest.raises(Refused) as refused:
        verifier.check(claims, activity)
    assert refused.value.status == 403


class TestKeys:
    async def test_a_new_key_is_found_at_once(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            assert await bench.send() == 200
            bench.issuer.known["three"] = (bench.issuer.spare, ["msteams"])
            bench.monotonic[0] += PATIENCE
            tokens = [bench.issuer.token(kid="three") for _ in range(5)]
            assert await asyncio.gather(*map(bench.send, tokens)) == [200] * 5
            assert bench.issuer.reads.count("/keys") == 2

    async def test_a_removed_key_is_not_believed_any_more(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            old = bench.issuer.token()
            assert await bench.send(old) == 200
            bench.issuer.known["three"] = bench.issuer.known.pop("one")
            bench.monotonic[0] += FRESH
            await bench.send(old)  # is taken, and sets the reading off
            await eventually(lambda: bench.issuer.reads.count("/keys") == 2)
            assert await bench.send(old) == 401
            assert await bench.send(bench.issuer.token(kid="three")) == 200

    async def test_strangers_make_us_ask_once_a_minute(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            assert await bench.send() == 200
            for round_ in range(3):
                for number in range(20):
                    assert await bench.send(bench.issuer.token(key=bench.issuer.spare, kid=f"x{number}")) == 401
                assert bench.issuer.reads.count("/keys") == 1 + round_
                bench.monotonic[0] += PATIENCE

    @pytest.mark.parametrize("outage", ["status", "elsewhere", "garbage", "list", "empty", "huge"])
    async def test_an_outage_is_survived_for_days(self, open_bench: Make, outage: str) -> None:
        async with open_bench() as bench:
            assert await bench.send() == 200
            fail(bench.issuer, outage)
            for days in (1.1, 2, 4.9):
                bench.monotonic[0] = 1_000_000 + days * FRESH
                assert await bench.send() == 200
                await asyncio.sleep(0.05)
            bench.monotonic[0] = 1_000_000 + USABLE + 1
            assert await bench.send() == 503
            mend(bench.issuer)
            bench.monotonic[0] += PATIENCE
            assert await bench.send() == 200

    async def test_without_any_keys_it_may_come_again(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            bench.issuer.status = 500
            assert await bench.send() == 503
            assert await bench.send() == 503
            assert len(bench.issuer.reads) == 1
            mend(bench.issuer)
            bench.monotonic[0] += 10
            assert await bench.send() == 200
            assert bench.taken == 1

    async def test_slow_metadata_keep_nobody_else_waiting(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            assert await bench.send() == 200
            bench.issuer.delay = 0.5
            bench.monotonic[0] += FRESH
            stranger = asyncio.create_task(bench.send(bench.issuer.token(key=bench.issuer.spare, kid="x")))
            await asyncio.sleep(0.05)
            assert await bench.send() == 200
            assert not stranger.done()
            assert await stranger == 401

    async def test_a_hanging_service_is_given_up(self, open_bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tertulia.openid.keys.TIMEOUT", 0.2)
        async with open_bench() as bench:
            bench.issuer.delay = 30.0
            assert await bench.send() == 503
            bench.issuer.delay = 0.0

    async def test_keys_that_cannot_be_used_are_left_out(self, open_bench: Make) -> None:
        async with open_bench() as bench:
            good = bench.issuer._key("one")
            bad = [
                None,
                {"kty": "EC", "kid": "one"},
                {**good, "kid": 1},
                {**good, "kid": "enc", "use": "enc"},
                {**good, "kid": "small", "n": "AQAB"},
                {**good, "kid": "broken", "n": 1},
                {**good, "kid": "alg", "alg": "RS512"},
                {"kty": "RSA", "kid": "bare"},
            ]
            bench.issuer.document = {"keys": [*bad, good], "jwks_uri": f"{bench.issuer.url}/keys"}
            assert await bench.send() == 200
            for kid in ("enc", "small", "broken", "alg", "bare"):
                assert await bench.send(bench.issuer.token(key=bench.issuer.spare, kid=kid)) == 401


def fail(issuer: Issuer, outage: str) -> None:
    documents = {"garbage": "no object", "list": [1], "empty": {"keys": []}, "huge": {"x": "y" * 600_000}}
    if outage == "status":
        issuer.status = 503
    elif outage == "elsewhere":
        issuer.jwks_uri = "https://evil.example/keys"
    else:
        issuer.document = documents[outage]


def mend(issuer: Issuer) -> None:
    issuer.status, issuer.jwks_uri, issuer.document = 200, None, None


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


class TestPeople:
    """The tokens that a tab gets of Microsoft Entra."""

    async def verify(self, issuer: Issuer, settings: Settings, token: str) -> str | int:
        async with aiohttp.ClientSession() as session:
            verifier = PersonVerifier(settings, lambda: session)
            try:
                return await verifier.person([f"Bearer {token}"], frozenset({APP, f"api://{APP}"}))
            except Refused as refused:
                return refused.status

    async def test_people_of_the_tenant(self, issuer: Issuer, settings_of: Make) -> None:
        async with issuer.serve():
            settings = settings_of(issuer.url)
            ours = settings.endpoints.entra_issuer(TENANT)
            theirs = settings.endpoints.entra_issuer(APP)
            good = {"iss": ours, "tid": TENANT, "oid": ANA, "scp": "access_as_user"}
            cases: list[tuple[dict[str, Any], str | int]] = [
                (good, ANA),
                ({**good, "iss": f"https://sts.windows.net/{TENANT}/"}, ANA),
                ({**good, "aud": f"api://{APP}"}, ANA),
                ({**good, "tid": APP}, 401),
                ({**good, "tid": None}, 401),
                ({**good, "iss": theirs}, 401),
                ({**good, "iss": "https://api.botframework.com"}, 401),
                ({**good, "iss": ["x"]}, 401),
                ({**good, "aud": "https://graph.microsoft.com"}, 401),
                ({**good, "aud": [APP]}, 401),
                ({**good, "oid": None}, 401),
                ({**good, "oid": 1}, 401),
                ({**good, "exp": now() - 400}, 401),
                ({**good, "scp": "openid access_as_user"}, ANA),
                ({**good, "scp": "User.Read"}, 401),
                ({**good, "scp": None, "roles": ["access_as_user"]}, 401),
                ({**good, "scp": ["access_as_user"]}, 401),
            ]
            for claims, expected in cases:
                assert await self.verify(issuer, settings, issuer.token(**claims)) == expected, claims
            assert await self.verify(issuer, settings, issuer.token(key=issuer.spare, **good)) == 401
            assert await self.verify(issuer, settings, "x") == 401


def test_one_module_touches_the_sdk() -> None:
    folder = Path(tertulia_teams.__file__).parent
    touching = {
        path.name
        for path in folder.rglob("*.py")
        if re.search(r"^\s*(from|import) (botbuilder|botframework|msrest)\b", path.read_text(), re.MULTILINE)
    }
    assert touching == {"bot.py"}


async def test_a_remembered_token_ends_with_its_time(open_bench: Make) -> None:
    async with open_bench() as bench:
        ends = now() - 295
        token = bench.issuer.token(exp=ends)
        assert await bench.send(token) == 200
        await asyncio.sleep(ends + 300.2 - time.time())
        assert await bench.send(token) == 401
