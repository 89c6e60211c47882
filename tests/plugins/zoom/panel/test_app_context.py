"""Only what Zoom sealed for this app, just now, in this meeting opens a panel; whatever else comes is refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Refused
from tertulia_zoom import panel
from tertulia_zoom.app_context import open_context
from tertulia_zoom.panel_pass import Pass, Passes
from tertulia_zoom.stand_in.app_contexts import said, seal, written

SECRET, CLIENT = "secret-of-the-general-app", "client_id_of_app"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MEETING = "/ajXp112QmuoKj4854875=="
USER = "KDcuGIm1QgePTO8WbOqwIQ"


def told(**more: Any) -> dict[str, Any]:
    """Return what a genuine context of a host says, with what is given in its place; `None` leaves it out."""
    return said(USER, MEETING, CLIENT, "host", NOW.timestamp(), **more)


def sealed(**more: Any) -> str:
    return written(told(**more), SECRET)


def opened(text: str, now: datetime = NOW) -> Any:
    return open_context(text, SECRET, CLIENT, now)


def milliseconds(seconds: float) -> int:
    return int((NOW.timestamp() + seconds) * 1000)


def flipped(text: str, place: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(text))
    raw[place] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


def test_a_genuine_context_says_who_hosts() -> None:
    found = opened(sealed())
    assert (found.user, found.meeting, found.hosting) == (USER, MEETING, True)
    for role, hosts in (
        ("co-host", True),
        ("coHost", True),
        ("participant", False),
        ("attendee", False),
        (None, False),
    ):
        assert opened(sealed(attendrole=role)).hosting is hosts


def test_both_alphabets_are_taken_and_are_the_same_context() -> None:
    raw = seal(json.dumps(told()).encode(), SECRET, data=b"about", nonce=bytes(range(240, 252)))
    marks = set()
    for text in (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"=")):
        found = opened(text.decode())
        marks.add(found.mark)
        assert found.hosting
    assert len(marks) == 1, "written anew it is not a new one"


def test_a_guest_has_no_rights_whatever_the_role_says() -> None:
    found = opened(sealed(uid=None))
    assert (found.user, found.hosting) == ("", False)


FORGED: dict[str, tuple[str, int]] = {
    "nothing": ("", 401),
    "words": ("let me in", 401),
    "empty parts": (base64.b64encode(bytes(40)).decode(), 401),
    "cut off": (sealed()[:-8], 401),
    "longer than ever": ("A" * 20_000, 401),
    "another app's secret": (written(told(), "secret-of-another-app"), 401),
    "a flipped bit in the nonce": (flipped(sealed(), 3), 401),
    "a flipped bit in the text": (flipped(sealed(), 30), 401),
    "a flipped bit in the tag": (flipped(sealed(), -1), 401),
    "a nonce of another length": (
        base64.b64encode(seal(json.dumps(told()).encode(), SECRET, nonce=bytes(16))).decode(),
        401,
    ),
    "another app": (sealed(aud="another-client-id"), 401),
    "no app": (sealed(aud=None), 401),
    "another issuer": (sealed(iss="marketplace.zoom.example"), 401),
    "no issuer": (sealed(iss=None), 401),
    "over": (sealed(ts=milliseconds(-130), exp=milliseconds(-10)), 401),
    "no end": (sealed(exp=None), 401),
    "an end far away": (sealed(exp=milliseconds(3600)), 401),
    "an end that is no number": (sealed(exp="soon"), 401),
    "an end beyond all time": (sealed(exp=10**30), 401),
    "of the future": (sealed(ts=milliseconds(600), exp=milliseconds(700)), 401),
    "old, with a new end": (sealed(ts=milliseconds(-3600)), 401),
    "true for a time": (sealed(ts=True), 401),
    "not in a meeting": (sealed(typ="panel", mid=None), 403),
    "no meeting": (sealed(mid=None), 401),
    "a list for a meeting": (sealed(mid=["x"]), 401),
    "a path for a user": (sealed(uid="../../users/me"), 401),
    "a number for a user": (sealed(uid=7), 401),
    "not an object": (base64.b64encode(seal(b"[1]", SECRET)).decode(), 401),
    "not JSON": (base64.b64encode(seal(b"host", SECRET)).decode(), 401),
    "deep": (base64.b64encode(seal(b"[" * 9000, SECRET)).decode(), 401),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_genuine_is_refused(name: str) -> None:
    text, status = FORGED[name]
    with pytest.raises(Refused) as refusal:
        opened(text)
    assert refusal.value.status == status


def test_without_a_secret_nothing_opens() -> None:
    with pytest.raises(Refused):
        open_context(written(told(aud=""), ""), "", "", NOW)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode())))
@settings(max_examples=200, deadline=None)
def test_nothing_but_a_refusal_comes_of_strange_texts(text: str) -> None:
    with pytest.raises(Refused):
        opened(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["uid", "mid", "ts", "exp", "iss", "aud", "typ", "attendrole"]), json_values))
@settings(max_examples=200, deadline=None)
def test_sealed_nonsense_is_refused_or_says_what_it_says(changed: dict[str, Any]) -> None:
    content = json.dumps({**told(), **changed}).encode()
    try:
        found = opened(base64.b64encode(seal(content, SECRET)).decode())
    except Refused:
        return
    assert found.hosting == (bool(found.user) and changed.get("attendrole", "host") in ("host", "co-host", "coHost"))
    assert found.meeting == changed.get("mid", MEETING)


# -- passes --------------------------------------------------------------------------------------------------------


def test_a_pass_is_good_for_a_quarter_of_an_hour_and_here_only() -> None:
    passes = Passes(SECRET, "1" * 32)
    made = passes.make(user=USER, meeting=MEETING, number="123", hosting=True, now=NOW)
    token = passes.seal(made)
    assert passes.open(f"Bearer {token}", NOW + timedelta(minutes=14)) == made
    assert USER not in token
    assert MEETING not in token
    others = (Passes(SECRET, "2" * 32), Passes("another secret of an app", "1" * 32))
    for other in others:
        with pytest.raises(Refused):
            other.open(f"Bearer {token}", NOW)
    for header in (
        "",
        token,
        f"Basic {token}",
        f"Bearer {flipped(token + '==', 20)}",
        "Bearer é",
        "Bearer " + "A" * 9000,
    ):
        with pytest.raises(Refused):
            passes.open(header, NOW)
    with pytest.raises(Refused, match="is over"):
        passes.open(f"Bearer {token}", NOW + timedelta(minutes=15))


def test_a_pass_is_renewed_while_the_panel_is_open_but_not_for_ever() -> None:
    passes = Passes(SECRET, "1" * 32)
    made: Pass | None = passes.make(user="", meeting=MEETING, number="1", hosting=False, now=NOW)
    assert made is not None
    assert made.renewed(NOW + timedelta(minutes=2)) is None
    visitor, minutes = made.visitor, 0
    while made is not None:
        assert made.visitor == visitor
        minutes += 10
        made = made.renewed(NOW + timedelta(minutes=minutes))
    assert minutes == 250


# -- over HTTP -----------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """Hold a panel served without the core, and the meeting of the stand-in that it is opened in."""

    client: TestClient[Any, Any]
    bench: Any
    instance: Any

    def context(self, role: str = "host", user: str | None = None, **more: Any) -> str:
        client, secret = self.bench.server.app_client
        who = self.bench.users[0] if user is None else user
        return written(said(who, self.instance.uuid, client, role, time.time(), **more), secret)

    async def enter(self, context: str, meeting: str | None = None) -> tuple[int, Any]:
        number = self.bench.number if meeting is None else meeting
        return await self.post("enter", {"context": context, "meeting": number})

    async def post(self, act: str, body: Any, token: str = "") -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.post(f"/panel/{act}", data=data, headers=headers) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def panel_desk(open_bench: Callable[[], Any]) -> AsyncIterator[Desk]:
    async with open_bench() as bench:
        app = web.Application()
        for route in panel.routes(bench.context):
            app.router.add_route(route.method, route.path, route.handler)
        instance = bench.server.meetings.start(bench.number)
        async with TestClient(TestServer(app)) as client:
            yield Desk(client, bench, instance)


async def test_the_door_takes_each_genuine_context_once(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        context = desk.context()
        status, told_ = await desk.enter(context)
        assert (status, told_["hosting"]) == (200, True)
        status, told_ = await desk.enter(context)
        assert (status, "pass" in told_) == (401, False)
        status, told_ = await desk.enter(desk.context("participant"))
        assert (status, told_["hosting"]) == (200, False)
        status, told_ = await desk.enter(desk.context("host", user=""))
        assert (status, told_["hosting"]) == (200, False), "a guest"
        kept = [key for key in desk.bench.context.store.values if key.startswith("panel/used/")]
        assert len(kept) == 3
        assert desk.bench.users[0] not in str(desk.bench.context.store.values)


async def test_the_page_cannot_say_which_meeting_it_is_in(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        other = desk.bench.town.add_meeting(desk.bench.users[1], "Another")
        desk.bench.server.meetings.start(other)
        for number, expected in ((other, 403), ("12345", 403), ("", 400), ("../users", 400), ("9" * 40, 400)):
            status, told_ = await desk.enter(desk.context(), number)
            assert (status, "pass" in told_) == (expected, False), number


async def test_zoom_s_silence_lets_nobody_in(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        desk.bench.server.script_tokens(*[_refusal()] * 4)
        status, told_ = await desk.enter(desk.context())
        assert status in (502, 503)
        assert "pass" not in told_


def _refusal() -> Any:
    from tertulia_zoom.stand_in import faults

    return faults.refusal(401)


async def test_no_strange_context_makes_the_door_fall(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        for name, (text, _) in FORGED.items():
            status, told_ = await desk.enter(text)
            assert status in (401, 403), name
            assert "pass" not in told_
        for body in (b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"context": 7, "meeting": {}}'):
            status, _ = await desk.post("enter", body)
            assert status in (400, 401), body


ACTS = ("news", "start", "ask", "present", "answer", "turns", "next", "groups", "end", "fly")


async def test_nothing_is_done_without_a_pass_and_nothing_of_a_host_s_by_others(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        for act in ACTS:
            for token in ("", "x", "A" * 200):
                assert (await desk.post(act, {}, token))[0] == 401, act
        _, entered = await desk.enter(desk.context("participant"))
        _, guest = await desk.enter(desk.context("host", user=""))
        asked = {"practice": "icebreaker", "seats": [], "seconds": 60, "number": 1, "size": 2}
        for act in ("start", "ask", "present", "turns", "next", "groups", "end"):
            for token in (entered["pass"], guest["pass"]):
                assert (await desk.post(act, asked, token))[0] == 403, act
        assert desk.bench.context.live.sessions == {}


async def test_acts_survive_whatever_a_page_sends(open_bench: Any) -> None:
    async with panel_desk(open_bench) as desk:
        _, host = await desk.enter(desk.context())
        token = host["pass"]
        assert (await desk.post("start", {"practice": "icebreaker"}, token))[0] == 200
        odd: list[Any] = [None, True, -1, 10**30, 1.5, "", "x" * 500, [], ["a"], [1], {}, {"a": {}}, "\ud800"]
        names = ("practice", "seat", "seats", "verb", "values", "key", "seconds", "number", "size", "warmth")
        for act in ACTS[1:]:
            for value in odd:
                status, _ = await desk.post(act, dict.fromkeys(names, value), token)
                assert status < 500, (act, value)
        for value in odd:
            status, _ = await desk.post("news", {"seat": value, "key": value, "member": value, "seen": 0}, token)
            assert status < 500, value


async def test_every_page_has_the_headers_that_zoom_asks_for(open_gathering: Any) -> None:
    wanted = {
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    async with open_gathering() as place, aiohttp.ClientSession() as http, http.get(place.panel) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        for name, value in wanted.items():
            assert value in answer.headers[name]
        policy = answer.headers["content-security-policy"]
        assert f"frame-ancestors {place.server.url}" in policy
        assert f"script-src 'self' {place.server.url}" in policy
        assert "unsafe" not in policy
        assert "x-frame-options" not in answer.headers
        assert "set-cookie" not in answer.headers
        page = await answer.text()
        assert "<script>" not in page
        context = {"x-zoom-app-context": 'a"><script>alert(1)</script>'}
        async with http.get(place.panel, headers=context) as strange:
            assert "<script>alert" not in await strange.text()
        for file in ("panel.js", "client.js", "panel.css"):
            async with http.get(f"{place.panel}/{file}") as served:
                assert served.status == 200
                assert "javascript" in served.content_type or file.endswith("css")
