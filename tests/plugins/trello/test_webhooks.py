"""The handshake, the signature and what is read of an event."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tertulia import Collect, Command, Joined, Place, Raw, Refused, Subscription
from tertulia.testing.contracts import WebhookContract
from tertulia_trello.webhooks import SIGNATURE, UNHURRIED, BoardWebhook

REALM, BOARD, OTHER = "5f" * 12, "b0" * 12, "b1" * 12
ANA, BEN, CARD = "a0" * 12, "a1" * 12, "c0" * 12
URL = "https://t.example/hooks/trello/" + "1" * 32
SECRET = "the-secret-of-the-key"
WEBHOOK = BoardWebhook(REALM, "tertulia", frozenset({BOARD}))
SUBSCRIPTION = Subscription(id="1" * 32, name="boards", url=URL, secrets=(SECRET,))
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def event(kind: str = "commentCard", number: int = 1, board: str = BOARD, **data: Any) -> bytes:
    action = {
        "id": f"695b7d90{number:016x}",
        "idMemberCreator": ANA,
        "type": kind,
        "date": "2026-01-05T09:00:00.000Z",
        "data": {"board": {"id": board, "name": "CANARY"}, "card": {"id": CARD, "name": "CANARY"}, **data},
        "member": {"id": BEN, "fullName": "Ben", "username": "ben"},
    }
    return json.dumps({"action": action, "model": {"id": board}, "webhook": {"id": "d" * 24}}).encode()


def signed(body: bytes, *, secret: str = SECRET, url: str = URL, digest: str = "sha1", method: str = "POST") -> Raw:
    mac = hmac.new(secret.encode(), body + url.encode(), digest).digest()
    headers = {SIGNATURE: base64.b64encode(mac).decode(), "content-type": "application/json"}
    return Raw(method=method, url=URL, headers=headers, body=body, query={})


class TestWebhook(WebhookContract):
    webhook = WEBHOOK
    subscription = SUBSCRIPTION
    bodies = (
        event(text="words"),
        event(number=2, text="@tertulia help"),
        event("updateCheckItemStateOnCard", 3, checkItem={"id": "e" * 24, "state": "complete"}),
        event("addMemberToCard", 4, idMember=BEN),
        event("addMemberToBoard", 5, idMemberAdded=BEN),
        event("voteOnCard", 6, voted=True),
    )
    signed_headers = (SIGNATURE,)
    timestamped = False

    def sign(self, body: bytes, at: datetime) -> Raw:
        return signed(body)


BODY = event(text="words")
GOOD = signed(BODY).headers[SIGNATURE]
CASES: dict[str, Raw] = {
    "no header": replace(signed(BODY), headers={}),
    "an empty header": replace(signed(BODY), headers={SIGNATURE: ""}),
    "the header's name in capitals only": replace(signed(BODY), headers={"X-Trello-Webhook": GOOD}),
    "another secret": signed(BODY, secret="another"),
    "an empty secret": signed(BODY, secret=""),
    "another workspace's path": signed(BODY, url=URL[:-1] + "2"),
    "a slash behind the path": signed(BODY, url=URL + "/"),
    "plain http": signed(BODY, url=URL.replace("https", "http")),
    "a path with a query": signed(BODY, url=URL + "?a=1"),
    "no path": signed(BODY, url=""),
    "SHA-256": signed(BODY, digest="sha256"),
    "hexadecimal": replace(
        signed(BODY), headers={SIGNATURE: hmac.new(SECRET.encode(), BODY + URL.encode(), "sha1").hexdigest()}
    ),
    "without padding": replace(signed(BODY), headers={SIGNATURE: GOOD.rstrip("=")}),
    "URL-safe letters": replace(signed(BODY), headers={SIGNATURE: GOOD.translate({43: 45, 47: 95}) + "-"}),
    "a blank behind it": replace(signed(BODY), headers={SIGNATURE: GOOD + " "}),
    "lower case": replace(signed(BODY), headers={SIGNATURE: GOOD.lower()}),
    "twice the same": replace(signed(BODY), headers={SIGNATURE: f"{GOOD},{GOOD}"}),
    "not ASCII": replace(signed(BODY), headers={SIGNATURE: GOOD[:-2] + "\udcff="}),
    "a body written anew": replace(signed(BODY), body=json.dumps(json.loads(BODY), separators=(",", ":")).encode()),
    "a body with a line's end": replace(signed(BODY), body=BODY + b"\n"),
    "an empty body": replace(signed(BODY), body=b""),
    "another event's signature": replace(signed(event(number=9)), body=BODY),
    "the callback in front": replace(
        signed(BODY),
        headers={
            SIGNATURE: base64.b64encode(hmac.new(SECRET.encode(), URL.encode() + BODY, "sha1").digest()).decode()
        },
    ),
    "GET": signed(BODY, method="GET"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_trello_did_not_sign_is_refused(case: str) -> None:
    with pytest.raises(Refused):
        WEBHOOK.verify(CASES[case], SUBSCRIPTION, NOW)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 20
    WEBHOOK.verify(signed(BODY), SUBSCRIPTION, NOW)


@pytest.mark.parametrize("secrets", [(SECRET, "old"), ("new", SECRET), ("", SECRET)])
def test_both_secrets_hold_while_one_replaces_the_other(secrets: tuple[str, ...]) -> None:
    WEBHOOK.verify(signed(BODY), replace(SUBSCRIPTION, secrets=secrets), NOW)


def test_an_empty_secret_opens_nothing() -> None:
    with pytest.raises(Refused):
        WEBHOOK.verify(signed(BODY, secret=""), replace(SUBSCRIPTION, secrets=("",)), NOW)


def test_the_handshake_is_a_head_request_and_nothing_else() -> None:
    head = Raw(method="HEAD", url=URL, headers={}, body=b"", query={})
    answer = WEBHOOK.handshake(head, SUBSCRIPTION)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")
    for method in ("GET", "POST", "PUT", "head", ""):
        assert WEBHOOK.handshake(replace(head, method=method), SUBSCRIPTION) is None


def test_only_opted_in_boards_that_are_places_are_wanted() -> None:
    here = frozenset({Place(platform="trello", ref=BOARD, kind="channel")})
    assert WEBHOOK.wanted(signed(BODY), here)
    assert not WEBHOOK.wanted(signed(BODY), frozenset())
    assert not WEBHOOK.wanted(signed(BODY), frozenset({Place(platform="other", ref=BOARD, kind="board")}))
    elsewhere = event(board=OTHER, text="words")
    assert not WEBHOOK.wanted(signed(elsewhere), here | {Place(platform="trello", ref=OTHER, kind="board")})
    assert WEBHOOK.facts(signed(elsewhere)) == ()
    assert not WEBHOOK.wanted(signed(event("updateBoard")), here)


def test_a_comment_becomes_the_wish_to_read_the_board_and_says_nothing() -> None:
    for kind, after in (
        ("commentCard", 0),
        ("updateComment", 0),
        ("updateCheckItemStateOnCard", 0),
        ("addMemberToCard", 600),
    ):
        (fact,) = WEBHOOK.facts(signed(event(kind, text="CANARY words")))
        assert isinstance(fact, Collect)
        assert fact.after.total_seconds() == after
        assert "CANARY" not in repr(fact)
    assert UNHURRIED.total_seconds() == 600


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("@tertulia help", "help"),
        ("@Tertulia: snooze 3 days", "snooze"),
        ("  @tertulia   candle", "candle"),
        ("@tertulia link ABCD-EFGH-JKLM", "link"),
        ("@tertulia wibble", "unknown"),
        ("@tertulia", "help"),
        ("@\u2060tertulia help", "help"),
    ],
)
def test_a_comment_that_begins_with_our_name_is_a_command(said: str, name: str) -> None:
    (fact,) = WEBHOOK.facts(signed(event(text=said)))
    assert isinstance(fact, Command)
    assert (fact.name, fact.actor.user, fact.actor.realm) == (name, ANA, REALM)
    assert fact.place is not None


@pytest.mark.parametrize(
    "said",
    [
        "I asked @tertulia help",
        "@tertulian help",
        "mail@tertulia help",
        "@tertulia pass",
        "@tertulia answer: tea",
        "@ben hi",
    ],
)
def test_other_comments_are_none(said: str) -> None:
    (fact,) = WEBHOOK.facts(signed(event(text=said)))
    assert isinstance(fact, Collect)


def test_a_kudos_waits_for_the_members_names() -> None:
    (fact,) = WEBHOOK.facts(signed(event(text="@tertulia kudos @ben")))
    assert isinstance(fact, Collect)


def test_a_new_member_of_the_board_is_one() -> None:
    (fact,) = WEBHOOK.facts(signed(event("addMemberToBoard", idMemberAdded=BEN)))
    assert isinstance(fact, Joined)
    assert (fact.member.actor.user, fact.member.name, fact.member.email) == (BEN, "Ben", None)
