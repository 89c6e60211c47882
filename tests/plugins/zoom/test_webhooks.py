"""Who may send us an event, what is kept of it, and what strangers get: the webhook part of the matrix."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Collect, Fact, Joined, Keep, Left, Place, Raw, Refused, Subscription, Withdrawn
from tertulia.storage import tables
from tertulia.testing.contracts import WebhookContract
from tertulia_zoom.config import Settings
from tertulia_zoom.signing import QUESTION, SIGNATURE, TIMESTAMP, handshake, sign, verify
from tertulia_zoom.webhooks import READ_AFTER, AccountWebhook

ACCOUNT, SECRET = "AbCdEfGhIjKlMnOpQr", "signs-the-events"
SETTINGS = Settings.model_validate(
    {
        "server": {"account_id": ACCOUNT, "client_id": "client_id_of_s2s", "client_secret": "x" * 20},
        "app": {"client_id": "client_id_of_app", "client_secret": "y" * 20, "robot_jid": "v1@xmpp.zoom.us"},
        "webhook_secret": SECRET,
    }
)
URL = "https://t.example/hooks/zoom/" + "1" * 32
SUBSCRIPTION = Subscription(id="1" * 32, name="events", url=URL, secrets=(SECRET,))
WEBHOOK = AccountWebhook(SETTINGS)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
NUMBER, UUID = "85746065432", "/4444AAA//iAiAiiAii=="
HERE = frozenset({Place(platform="zoom", ref=NUMBER, kind="meeting")})
MEETING = {
    "id": NUMBER,
    "uuid": UUID,
    "host_id": "x1y",
    "topic": "CANARY",
    "type": 2,
    "start_time": "2026-01-05T09:00:00Z",
}


def event(name: str, stamp: int = 1, account: str = ACCOUNT, **more: Any) -> bytes:
    payload = {"account_id": account, "object": {**MEETING, "duration": 60, **more}}
    return json.dumps({"event": name, "payload": payload, "event_ts": stamp}, separators=(",", ":")).encode()


def participant(**more: Any) -> dict[str, Any]:
    named = {"user_id": "16778240", "user_name": "CANARY", "email": "canary@example.org"}
    return {"participant": {**named, "id": "abcD3ojfdbjfg", "participant_uuid": "55555AAAiAAAA", **more}}


def signed(body: bytes, at: datetime = NOW, *, secret: str = SECRET, method: str = "POST") -> Raw:
    stamp = str(int(at.timestamp()))
    headers = {SIGNATURE: sign(secret, stamp, body), TIMESTAMP: stamp, "content-type": "application/json"}
    return Raw(method=method, url=URL, headers=headers, body=body, query={})


JOINED = event("meeting.participant_joined", **participant(join_time="2026-01-05T09:01:00Z"))
LEFT = event("meeting.participant_left", 2, **participant(leave_time="2026-01-05T09:31:00Z"))
ENDED = event("meeting.ended", 3, end_time="2026-01-05T10:00:00Z")
GONE = json.dumps(
    {"event": "app_deauthorized", "payload": {"account_id": ACCOUNT, "client_id": "client_id_of_app"}}
).encode()


class TestAccountWebhook(WebhookContract):
    webhook = WEBHOOK
    subscription = SUBSCRIPTION
    bodies = (JOINED, LEFT, ENDED, event("meeting.started", 4), event("user.deleted", 5, id="u1"), GONE)
    signed_headers = (SIGNATURE, TIMESTAMP)

    def sign(self, body: bytes, at: datetime) -> Raw:
        return signed(body, at)

    def test_an_old_event_is_refused(self) -> None:
        """Zoom repeats an event for 85 minutes, perhaps signed as at first; in 2 hours a replay is a repeat."""
        for away in (timedelta(hours=2, seconds=1), timedelta(days=400)):
            assert self._refused(self.sign(self.bodies[0], self.now - away))
        assert self._refused(self.sign(self.bodies[0], self.now + timedelta(seconds=61)))
        assert not self._refused(self.sign(self.bodies[0], self.now - timedelta(minutes=90)))


# -- what is read ----------------------------------------------------------------------------------------------------


def test_only_places_of_the_workspace_are_wanted() -> None:
    for body in (JOINED, LEFT, ENDED):
        assert WEBHOOK.wanted(signed(body), HERE)
        assert not WEBHOOK.wanted(signed(body), frozenset())
        other = frozenset({Place(platform="zoom", ref=NUMBER + "1", kind="meeting")})
        assert not WEBHOOK.wanted(signed(body), other)
        elsewhere = frozenset({Place(platform="another", ref=NUMBER, kind="meeting")})
        assert not WEBHOOK.wanted(signed(body), elsewhere)
    assert not WEBHOOK.wanted(signed(event("meeting.sharing_started")), HERE)
    assert WEBHOOK.wanted(
        signed(event("meeting.started", id=int(NUMBER))), HERE
    )  # Zoom's own specification has a number


def test_what_is_kept_names_nobody() -> None:
    facts: list[Fact] = [fact for body in (JOINED, LEFT, ENDED) for fact in WEBHOOK.facts(signed(body))]
    assert [type(fact) for fact in facts] == [Keep, Keep, Keep, Collect]
    assert "canary" not in repr(facts).lower()
    last = facts[-1]
    assert isinstance(last, Collect)
    assert (last.place.ref, last.after) == (NUMBER, READ_AFTER)


def test_users_come_and_go_without_their_addresses() -> None:
    user = {"id": "u1", "first_name": "Ana", "last_name": "Sousa", "email": "ana@example.org", "type": 2}
    (came,) = WEBHOOK.facts(signed(event("user.created", **user)))
    assert isinstance(came, Joined)
    assert (came.member.actor.user, came.member.name, came.member.email) == ("u1", "Ana Sousa", None)
    for name in ("user.deleted", "user.deactivated", "user.disassociated"):
        (went,) = WEBHOOK.facts(signed(event(name, **user)))
        assert isinstance(went, Left)


def test_only_our_own_app_withdraws() -> None:
    for client, ours in (("client_id_of_app", True), ("client_id_of_s2s", True), ("another", False), (None, False)):
        payload = {"account_id": ACCOUNT, "client_id": client, "deauthorization_time": "2026-01-05T09:00:00Z"}
        raw = signed(json.dumps({"event": "app_deauthorized", "payload": payload}).encode())
        assert WEBHOOK.wanted(raw, frozenset()) is ours
    (fact,) = WEBHOOK.facts(raw)
    assert isinstance(fact, Withdrawn)
    assert fact.due == datetime(2026, 1, 15, 9, tzinfo=UTC)


# -- the question ----------------------------------------------------------------------------------------------------


def question(plain: Any = "qgg8vlvZRS6UYooatFL8Aw", **more: Any) -> bytes:
    return json.dumps({"event": QUESTION, "event_ts": 1, "payload": {"plainToken": plain}, **more}).encode()


def asked(body: bytes, *, secret: str = SECRET, secrets: tuple[str, ...] = (SECRET,)) -> Any:
    return handshake(signed(body, secret=secret).headers, body, secrets, NOW)


def test_the_question_is_answered_with_the_secret_that_asked() -> None:
    for secret in (SECRET, "the-new-one"):
        answer = asked(question(), secret=secret, secrets=("the-new-one", SECRET))
        said = json.loads(answer.body)
        expected = hmac.new(secret.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
        assert (answer.status, said) == (200, {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": expected})


@pytest.mark.parametrize("plain", ["v0:1700000000:{}", "", None, 7, "x" * 201, "a b", "é"])
def test_nobody_has_a_text_of_his_choice_signed(plain: Any) -> None:
    """An answer for `v0:1700000000:{…}` would be the signature of an event."""
    with pytest.raises(Refused) as refused:
        asked(question(plain))
    assert refused.value.status == 400
    with pytest.raises(Refused) as refused:
        asked(question("innocent"), secret="a stranger's")
    assert refused.value.status == 401


@settings(max_examples=150, deadline=None, database=None)
@given(
    st.dictionaries(
        st.sampled_from([SIGNATURE, TIMESTAMP]), st.text(max_size=80) | st.from_regex(r"v0=[0-9a-f]{64}")
    ),
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists, max_leaves=3).map(lambda v: json.dumps({"event": v}).encode()),
)
def test_nothing_but_a_signature_lets_in(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Refused):
        verify(headers, body, (SECRET, ""), NOW)


WIRED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["account_id", "object", "participant", "id", "uuid", "join_time", "user_id", "client_id", "payload"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.sampled_from(["meeting.participant_joined", "meeting.ended", "user.created", "app_deauthorized", QUESTION]),
    WIRED,
)
def test_odd_but_signed_events_are_read_or_refused(name: str, payload: Any) -> None:
    raw = signed(json.dumps({"event": name, "event_ts": 1, "payload": payload}).encode())
    try:
        if WEBHOOK.wanted(raw, HERE):
            assert WEBHOOK.facts(raw)
        WEBHOOK.handshake(raw, SUBSCRIPTION)
    except Refused:
        return


# -- over the wire ---------------------------------------------------------------------------------------------------


def wire(
    body: bytes, *, secret: str = SECRET, ago: float = 0.0, stamp: str | None = None, **headers: str | None
) -> Any:
    at = stamp if stamp is not None else str(int(time.time() - ago))
    sent = {TIMESTAMP: at, SIGNATURE: sign(secret, at, body), "content-type": "application/json"}
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return body, {name: value for name, value in {**sent, **changed}.items() if value is not None}


def body_of(village: Any, name: str = "meeting.participant_joined", number: int = 1, **more: Any) -> bytes:
    return event(
        name,
        number,
        village.town.account,
        id=village.number,
        **(more or participant(join_time="2026-01-05T09:01:00Z")),
    )


async def test_the_matrix_of_events(open_village: Any, tmp_path: Path) -> None:
    """Every case over the wire with the real core: who is let in, who is not, and never a 500."""
    async with open_village(
        f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, other_webhook_secrets=["the-former-one"]
    ) as village:
        subscription = await village.live.context.subscribe("events", [village.server.secret, "the-former-one"])
        body = body_of(village)
        genuine = {
            "fresh": wire(body),
            "signed with the former secret": wire(body_of(village, number=2), secret="the-former-one"),
            "repeated, signed anew": wire(body, ago=1),
            "a retry after 85 minutes": wire(body_of(village, number=3), ago=85 * 60),
            "in milliseconds": wire(body_of(village, number=4), stamp=str(int(time.time() * 1000))),
            "of another meeting": wire(event("meeting.started", 5, village.town.account)),
            "of no interest": wire(event("meeting.sharing_started", 6, village.town.account)),
            "the question": wire(question()),
        }
        spaced = json.dumps(json.loads(body), indent=1).encode()
        at = str(int(time.time()))
        strangers = {
            "no signature": wire(body, x_zm_signature=None),
            "no time": wire(body, x_zm_request_timestamp=None),
            "an empty signature": wire(body, x_zm_signature=""),
            "another secret": wire(body, secret="a stranger's"),
            "an empty secret": wire(body, secret=""),
            "of another body": wire(body, x_zm_signature=sign(SECRET, at, b"{}")),
            "written anew": (spaced, wire(body)[1]),
            "of another version": wire(body, x_zm_signature="v1" + sign(SECRET, at, body)[2:]),
            "in capitals": wire(body, x_zm_signature=sign(SECRET, at, body).upper()),
            "three hours old": wire(body, ago=3 * 3600),
            "two minutes ahead": wire(body, ago=-120),
            "time is no number": wire(body, stamp="soon"),
            "time is negative": wire(body, stamp="-1"),
            "time is endless": wire(body, stamp="9" * 40),
            "time is Arabic": wire(body, stamp="٢"),
            "another time than signed": wire(body, x_zm_request_timestamp=str(int(time.time()) - 5)),
            "of another account": wire(event("meeting.started", 7, "SomebodyElses")),
            "of no account": wire(b'{"event":"meeting.started","payload":{}}'),
            "no object": wire(b"[]"),
            "no JSON": wire(b"\xff\xfe"),
            "empty": wire(b""),
            "deep": wire(b"[" * 50_000),
            "the question of a stranger": wire(question(), secret="a stranger's"),
            "the question with an event as its token": wire(question(f"v0:{at}:{{}}")),
        }
        async with aiohttp.ClientSession() as http:

            async def post(case: Any, url: str = subscription.url, method: str = "POST") -> int:
                async with http.request(method, url, data=case[0], headers=case[1]) as answer:
                    return answer.status

            assert {name: await post(case) for name, case in genuine.items()} == dict.fromkeys(genuine, 200)
            kept = len(await village.rows(tables.inbox))
            statuses = {name: await post(case) for name, case in strangers.items()}
            assert not {name: status for name, status in statuses.items() if not 400 <= status < 500}
            assert await post(wire(body), method="GET") == 405
            assert await post(wire(body), method="PUT") in (404, 405)
            assert await post(wire(body), url=subscription.url[:-32] + "0" * 32) == 404
            assert await post(wire(body), url=subscription.url.replace("/zoom/", "/teams/")) == 404
        assert kept == len(await village.rows(tables.inbox)) == 4
        assert len(genuine) + len(strangers) + 4 >= 25
