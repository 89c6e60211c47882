"""Entra is believed only where all of its ID token is as it must be, and only while it answers as it must."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tertulia.entra_settings import CONSUMERS, EntraSettings
from tertulia.openid.keys import PATIENCE, USABLE
from tertulia.services.entra.provider import Account, Begun, Provider
from tertulia.services.entra.reasons import NotSignedIn
from tertulia.testing.entra import SUPPORTED, EntraAccount, StandInEntra

TENANT, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
ANA = EntraAccount(user="0a0a0a0a-0000-4000-8000-000000000001", name="Ana", email="ana@example.org")
SECRET, BACK = "a-secret-of-the-application", "http://127.0.0.1:8080/sign-in/entra/return"
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Claims = dict[str, Any]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a busy machine longer than people would."""
    for name in ("openid.keys.TIMEOUT", "openid.bridge.SECONDS", "services.entra.provider.PATIENCE"):
        monkeypatch.setattr(f"tertulia.{name}", 120.0)


@dataclass
class Bench:
    entra: StandInEntra
    provider: Provider
    browser: aiohttp.ClientSession
    passed: list[float] = field(default_factory=lambda: [0.0])

    async def begin(self) -> Begun:
        return await self.provider.begin(BACK)

    async def code(self, begun: Begun, account: EntraAccount = ANA) -> str:
        """Choose an account as a browser does, and return the code that it brings back."""
        async with self.browser.get(begun.url) as answer:
            assert answer.status == 200, await answer.text()
            assert account.name in await answer.text()
        async with self.browser.post(begun.url, data={"account": account.user}, allow_redirects=False) as answer:
            back = urlsplit(answer.headers["Location"])
        given = {name: values[0] for name, values in parse_qs(back.query).items()}
        assert given["state"] == begun.flow["state"]
        return given["code"]

    async def sign_in(self) -> Account:
        begun = await self.begin()
        return await self.provider.finish(begun.flow, await self.code(begun))

    async def reason(self) -> str:
        try:
            await self.sign_in()
        except NotSignedIn as refusal:
            return refusal.reason
        return "signed in"


@asynccontextmanager
async def bench(folder: Path, *tenants: str) -> AsyncIterator[Bench]:
    async def accounts(tenant: str) -> list[EntraAccount]:
        return [ANA]

    chosen = tenants or (TENANT,)
    entra = StandInEntra(accounts, tenants=chosen, client_id=CLIENT, client_secret=SECRET, redirect=BACK)
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    passed = [0.0]
    url = await entra.start()
    try:
        settings = EntraSettings(
            client_id=CLIENT, secret_file=secret, tenants=dict.fromkeys(chosen, ""), authority=url
        )
        provider = Provider(settings, sandbox=True, now=lambda: passed[0])
        try:
            async with aiohttp.ClientSession() as browser:
                yield Bench(entra, provider, browser, passed)
        finally:
            await provider.close()
    finally:
        await entra.stop()


async def test_an_account_signs_in_by_its_two_ids(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert await at.sign_in() == Account(TENANT, ANA.user)
        asked = parse_qs(urlsplit((await at.begin()).url).query)
        assert asked["response_type"] == ["code"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["prompt"] == ["select_account"]
        assert set(asked["scope"][0].split()) == {"openid", "profile"}
        # read once, and good for an hour
        assert sum(path.endswith("openid-configuration") for path in at.entra.asked) == 2


async def test_several_tenants_choose_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path, OTHER, TENANT) as at:
        begun = await at.begin()
        assert "/organizations/" in begun.url
        assert (await at.provider.finish(begun.flow, await at.code(begun))).tenant == OTHER


def said(**claims: Any) -> Callable[[Bench], None]:
    return lambda at: at.entra.claims.update(claims)


def signed(make: Callable[[Bench, Claims], str]) -> Callable[[Bench], None]:
    def prepare(at: Bench) -> None:
        at.entra.signed = lambda claims: make(at, claims)

    return prepare


def encoded(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def public_pem(at: Bench) -> bytes:
    key = next(iter(at.entra._keys.values())).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def by_hand(header: Mapping[str, Any], claims: Claims, key: bytes) -> str:
    """Sign as HS256 does, which PyJWT refuses to do with a public key."""
    import hashlib
    import hmac

    body = f"{encoded(header)}.{encoded(claims)}"
    return f"{body}.{base64.urlsafe_b64encode(hmac.digest(key, body.encode(), hashlib.sha256)).rstrip(b'=').decode()}"


KID = {"kid": "key-1"}
TOKENS: dict[str, tuple[Callable[[Bench], None], str]] = {
    "another audience": (said(aud=OTHER), "invalid"),
    "several audiences": (said(aud=[CLIENT, OTHER]), "invalid"),
    "no audience": (said(aud=None), "invalid"),
    "another issuer": (said(iss="https://login.microsoftonline.com/common/v2.0"), "invalid"),
    "the issuer of version 1": (said(iss=f"https://sts.windows.net/{TENANT}/"), "invalid"),
    "the issuer of another tenant": (
        lambda at: at.entra.claims.update(iss=f"{at.entra.url}/{OTHER}/v2.0"),
        "invalid",
    ),
    "no issuer": (said(iss=None), "invalid"),
    "expired": (lambda at: at.entra.claims.update(exp=int(time.time()) - 600), "invalid"),
    "no expiry": (said(exp=None), "invalid"),
    "not yet in force": (lambda at: at.entra.claims.update(nbf=int(time.time()) + 3600), "invalid"),
    "no beginning": (said(nbf=None), "invalid"),
    "issued at no time": (said(iat=None), "invalid"),
    "another tenant": (said(tid=OTHER), "tenant"),
    "the tenant of personal accounts": (said(tid=CONSUMERS), "tenant"),
    "no tenant": (said(tid=None), "tenant"),
    "a tenant that is no text": (said(tid=[TENANT]), "tenant"),
    "no object id": (said(oid=None), "invalid"),
    "an object id that is none": (said(oid="ana@example.org"), "invalid"),
    "no subject": (said(sub=None), "invalid"),
    "another nonce": (said(nonce="0" * 64), "invalid"),
    "no nonce": (said(nonce=None), "invalid"),
    "version 1": (said(ver="1.0"), "invalid"),
    "no signature": (signed(lambda at, claims: f"{encoded({'alg': 'none', **KID})}.{encoded(claims)}."), "invalid"),
    "HS256 with the secret": (
        signed(lambda at, claims: jwt.encode(claims, SECRET * 2, algorithm="HS256", headers=KID)),
        "invalid",
    ),
    "HS256 with the public key": (
        signed(lambda at, claims: by_hand({"alg": "HS256", "typ": "JWT", **KID}, claims, public_pem(at))),
        "invalid",
    ),
    "another's key under a known name": (
        signed(lambda at, claims: jwt.encode(claims, STRANGER, algorithm="RS256", headers=KID)),
        "invalid",
    ),
    "an unknown key": (signed(lambda at, claims: at.entra.sign(claims, kid="key-9")), "invalid"),
    "RS512": (
        signed(lambda at, claims: jwt.encode(claims, STRANGER, algorithm="RS512", headers=KID)),
        "invalid",
    ),
    "what must be understood": (
        signed(lambda at, claims: jwt.encode(claims, STRANGER, algorithm="RS256", headers={**KID, "crit": ["b64"]})),
        "invalid",
    ),
    "an altered claim": (
        signed(lambda at, claims: ".".join(_altered(at.entra.sign(claims).split("."), claims))),
        "invalid",
    ),
    "no token at all": (signed(lambda at, claims: "garbage"), "invalid"),
    "an enormous token": (signed(lambda at, claims: at.entra.sign({**claims, "x": "x" * 20_000})), "invalid"),
}


def _altered(parts: list[str], claims: Claims) -> list[str]:
    return [parts[0], encoded({**claims, "oid": "0b0b0b0b-0000-4000-8000-000000000002"}), parts[2]]


async def test_a_token_that_is_not_as_it_must_be_signs_nobody_in(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        found = {}
        for name, (prepare, _) in TOKENS.items():
            at.entra.claims.clear()
            at.entra.signed = None
            prepare(at)
            found[name] = await at.reason()
        assert found == {name: wanted for name, (_, wanted) in TOKENS.items()}
        at.entra.claims.clear()
        at.entra.signed = None
        assert await at.reason() == "signed in"


async def test_a_minute_between_the_clocks_is_let_pass(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.entra.claims.update(nbf=int(time.time()) + 30)
        assert await at.reason() == "signed in"


def answers(status: int = 200, text: str = "", **headers: str) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        kind = "application/json"
        return web.Response(status=status, text=text, content_type=kind, headers=headers)

    return answer


FAULTS: dict[str, tuple[str, Callable[[web.Request], Any], str]] = {
    "the token service fails": ("token", answers(500, "oops"), "unavailable"),
    "the token service is busy": ("token", answers(503, "{}"), "unavailable"),
    "the token service answers garbage": ("token", answers(200, "<html>"), "unavailable"),
    "the token service answers a list": ("token", answers(200, "[]"), "unavailable"),
    "the token service gives no token": ("token", answers(200, "{}"), "refused_there"),
    "the token service sends elsewhere": ("token", answers(307, "", Location="http://127.0.0.1:9/"), "unavailable"),
    "the token service sends a flood": ("token", answers(200, " " * 600_000), "unavailable"),
    "the secret has expired": ("token", answers(401, '{"error": "invalid_client"}'), "secret"),
    "the application is unknown": ("token", answers(400, '{"error": "unauthorized_client"}'), "secret"),
    "the code is not believed": ("token", answers(400, '{"error": "invalid_grant"}'), "refused_there"),
    "no keys are published": ("keys", answers(500, ""), "unavailable"),
    "the metadata fails": ("openid-configuration", answers(500, ""), "unavailable"),
    "the tenant is unknown": ("openid-configuration", answers(400, '{"error": "invalid_tenant"}'), "unavailable"),
    "the metadata is garbage": ("openid-configuration", answers(200, "<html>"), "unavailable"),
    "the metadata says nothing": ("openid-configuration", answers(200, "{}"), "unavailable"),
    "the metadata leads elsewhere": (
        "openid-configuration",
        answers(
            200,
            json.dumps(
                dict.fromkeys(
                    ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"), "https://evil.example/x/y"
                )
            ),
        ),
        "unavailable",
    ),
}


@pytest.mark.parametrize("part", ["token", "keys", "openid-configuration"])
async def test_what_entra_does_wrong_signs_nobody_in_and_breaks_nothing(tmp_path: Path, part: str) -> None:
    wanted = {name: reason for name, (where, _, reason) in FAULTS.items() if where == part}
    found = {}
    for name in wanted:
        async with bench(tmp_path) as at:
            at.entra.faults[part] = FAULTS[name][1]
            found[name] = await at.reason()
            at.entra.faults.clear()
            at.passed[0] += PATIENCE
            assert await at.reason() == "signed in"
    assert found == wanted


async def test_a_hanging_entra_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tertulia.openid.bridge.SECONDS", 0.2)
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse | None:
        await released.wait()
        return None

    async with bench(tmp_path) as at:
        at.entra.faults["token"] = hang
        try:
            assert await at.reason() == "unavailable"
        finally:
            released.set()


async def test_nobody_there_is_told_as_such(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.entra.stop()
        with pytest.raises(NotSignedIn) as refusal:
            await at.begin()
        assert refusal.value.reason == "unavailable"


async def test_new_keys_are_read_and_old_ones_go(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert await at.reason() == "signed in"
        old = at.entra.sign(at.entra.id_token(TENANT, ANA, "x"))
        at.entra.rotate()
        assert await at.reason() == "invalid"  # strangers must not make us call at will
        at.passed[0] += PATIENCE
        assert await at.reason() == "signed in"
        with pytest.raises(NotSignedIn):
            await at.provider.verified(old, "x")


async def test_keys_are_kept_through_an_outage(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert await at.reason() == "signed in"
        at.entra.faults["keys"] = answers(500)
        at.passed[0] += USABLE - 1
        assert await at.reason() == "signed in"
        at.passed[0] += 2
        assert await at.reason() == "unavailable"


async def test_a_code_of_another_browser_is_worth_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        first, second = await at.begin(), await at.begin()
        stolen = await at.code(second)
        with pytest.raises(NotSignedIn) as refusal:
            await at.provider.finish(first.flow, stolen)
        assert refusal.value.reason == "refused_there"


async def test_a_code_works_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        begun = await at.begin()
        code = await at.code(begun)
        await at.provider.finish(begun.flow, code)
        with pytest.raises(NotSignedIn):
            await at.provider.finish(begun.flow, code)


async def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        (tmp_path / "secret").chmod(0o644)
        assert await at.reason() == "secret"


async def test_our_own_credentials_can_be_tried(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.provider.own_token()
        (tmp_path / "secret").write_text("another-secret-than-that")
        with pytest.raises(NotSignedIn) as refusal:
            await at.provider.own_token()
        assert refusal.value.reason == "secret"


async def test_the_stand_in_says_of_itself_what_entra_says(tmp_path: Path) -> None:
    async with bench(tmp_path) as at, at.browser.get(at.provider.metadata) as answer:
        document = await answer.json()
    assert set(document) == PUBLISHED
    assert {name: document[name] for name in SUPPORTED} == SUPPORTED
    assert document["issuer"] == f"{at.entra.url}/{TENANT}/v2.0"
    assert document["jwks_uri"] == f"{at.entra.url}/{TENANT}/discovery/v2.0/keys"
    assert document["authorization_endpoint"] == f"{at.entra.url}/{TENANT}/oauth2/v2.0/authorize"
    assert document["token_endpoint"] == f"{at.entra.url}/{TENANT}/oauth2/v2.0/token"


PUBLISHED = {
    "authorization_endpoint", "claims_supported", "cloud_graph_host_name", "cloud_instance_name",
    "device_authorization_endpoint", "end_session_endpoint", "frontchannel_logout_supported",
    "http_logout_supported", "id_token_signing_alg_values_supported", "issuer", "jwks_uri", "kerberos_endpoint",
    "msgraph_host", "rbac_url", "request_uri_parameter_supported", "response_modes_supported",
    "response_types_supported", "scopes_supported", "subject_types_supported", "tenant_region_scope",
    "token_endpoint", "token_endpoint_auth_methods_supported", "userinfo_endpoint",
}  # fmt: skip
"""The names in the document that login.microsoftonline.com serves for a tenant, version 2.0."""
