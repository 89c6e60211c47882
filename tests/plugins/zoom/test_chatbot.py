"""The bot's endpoint: what Zoom signs is taken, what others send is refused, and nothing makes it fall over."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, seed
from hypothesis import settings as examples
from hypothesis import strategies as st

from tertulia import Actor, Command, Markup, Place, Prompt, Reply
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH, FakeContext, FakeInbox
from tertulia.testing.samples import opaque, sample_prompt, summary_prompt
from tertulia_zoom import messages, messages_form
from tertulia_zoom.chat_ports import team_chat
from tertulia_zoom.chatbot_route import ENDPOINT, Endpoint, routes
from tertulia_zoom.config import Settings
from tertulia_zoom.signing import SIGNATURE, TIMESTAMP, sign
from tertulia_zoom.stand_in import Town, ZoomServer
from tertulia_zoom.stand_in.chat import Channel, Written, jid_of
from tertulia_zoom.stand_in.chatter import Chatter
from tertulia_zoom.stand_in.faults import hang, refusal


@dataclass
class Bench:
    """Hold a stand-in that tells a bot what people do, with an inbox that remembers."""

    server: ZoomServer
    town: Town
    context: FakeContext
    endpoint: Endpoint
    url: str
    http: aiohttp.ClientSession
    ana: str
    ben: str
    channel: Channel

    @property
    def chatter(self) -> Chatter:
        return self.server.chatter

    @property
    def inbox(self) -> FakeInbox:
        return self.context.inbox

    def asked(self, prompt: Prompt, user: str) -> Written:
        return self.town.chat.write(jid_of(user), messages.question(prompt))

    async def settled(self) -> None:
        await self.server.bot.quiet()
        await self.endpoint.turns.close()
        assert all(attempt.status == 200 for attempt in self.server.bot.attempts)

    def said(self, user: str) -> list[str]:
        return [json.dumps(one.content, ensure_ascii=False) for one in self.town.chat.said(user)]

    def taken(self, name: str) -> list[Any]:
        return [one.value for one in self.inbox.received if one.name == name]

    async def post(self, body: bytes, **headers: str) -> int:
        async with self.http.post(self.url, data=body, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def bench(**more: Any) -> AsyncIterator[Bench]:
    clock = DrivenClock(EPOCH)
    town = Town(now=clock.now)
    ana, ben = town.add_user("Ana Sousa", "ana@example.org"), town.add_user("Ben Okafor", "ben@example.org")
    channel = town.chat.add_channel("Everyone", [ana, ben])
    async with ZoomServer(town=town) as server:
        settings = Settings.model_validate(server.settings(other_webhook_secrets=["the-former-secret"], **more))
        async with FakeContext(settings=settings, plugin="zoom", clock=clock) as context:
            endpoint = Endpoint(context, team_chat(context).turns)
            app = web.Application()
            app.router.add_post(ENDPOINT, endpoint.take)
            async with TestServer(app, host="127.0.0.1") as bot, aiohttp.ClientSession() as http:
                server.bot.url = f"http://127.0.0.1:{bot.port}{ENDPOINT}"
                yield Bench(server, town, context, endpoint, server.bot.url, http, ana, ben, channel)


def answerable() -> Prompt:
    return replace(sample_prompt(), visibility="workspace")


# -- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "args"),
    [
        ("help", "help", ()),
        ("icebreaker", "icebreaker", ()),
        ("Check-in!", "check-in", ()),
        ("snooze 3 days", "snooze", ("3",)),
        ("my data", "my data", ()),
        ("candle", "candle", ()),
        ("wibble", "unknown", ()),
        ("", "help", ()),
    ],
)
async def test_commands_go_through_the_one_grammar(text: str, name: str, args: tuple[str, ...]) -> None:
    async with bench() as made:
        made.chatter.say(made.ana, text)
        await made.settled()
        (command,) = made.taken("command")
        assert (command.name, command.args, command.place) == (name, args, None)
        assert command.actor == Actor(platform="zoom", realm=made.town.account, user=made.ana)
        assert "Thank you." in made.said(made.ana)[0]
        assert made.taken("reachable") == [(command.actor, {"user": made.ana})]


async def test_kudos_name_people_by_their_addresses_never_by_name() -> None:
    async with bench() as made:
        made.chatter.say(
            made.ana, f"kudos <!{jid_of(made.ben)}|Ben> <!nobody@xmpp.zoom.us|Ben Okafor> @Ben for the soup"
        )
        await made.settled()
        (command,) = made.taken("command")
        assert command.args[0] == Actor(platform="zoom", realm=made.town.account, user=made.ben)
        assert [type(one) for one in command.args] == [Actor, str]


async def test_in_a_channel_only_its_person_sees_the_answer() -> None:
    async with bench() as made:
        made.inbox.reply = Reply(status="taken", text=Markup.literal("Write candle to me."), private=True)
        made.chatter.say(made.ana, "candle", made.channel.jid)
        await made.settled()
        (command,) = made.taken("command")
        assert command.place == Place(platform="zoom", ref=made.channel.jid, kind="channel")
        pointer = made.town.chat.seen(made.ana, made.channel.jid)[-1]
        assert (pointer.only, pointer.content["body"][0]["text"]) == (made.ana, "Write candle to me.")
        assert len(made.town.chat.seen(made.ben, made.channel.jid)) == 1  # what Ana wrote herself


async def test_a_form_that_was_asked_for_in_a_channel_comes_into_the_own_chat() -> None:
    async with bench() as made:
        made.inbox.reply = Reply(status="taken", prompt=answerable(), private=True)
        made.chatter.say(made.ana, "icebreaker", made.channel.jid)
        await made.settled()
        assert "own page" in made.said(made.ana)[0]
        (pointer,) = made.town.chat.seen(made.ana, made.channel.jid)[-1].content["body"]
        assert "own chat" in pointer["text"]
        assert pointer["link"] == f"https://zoom.us/launch/chat?jid=robot_{made.server.robot}"
        assert answerable().link not in json.dumps(
            [one.content for one in made.town.chat.seen(made.ben, made.channel.jid)]
        )


async def test_a_candle_is_never_filled_in_in_a_chat_that_zoom_keeps() -> None:
    async with bench() as made:
        prompt = replace(answerable(), visibility="me")
        made.inbox.reply = Reply(status="taken", prompt=prompt, private=True)
        made.chatter.say(made.ana, "candle")
        await made.settled()
        (said,) = made.town.chat.said(made.ana)
        assert not messages_form.offers_form(said.content)
        assert {element["type"] for element in said.content["body"]} <= {"message", "attachments"}
        assert said.content["body"][-1]["link"] == prompt.link
        assert not any(action.token in json.dumps(said.content) for action in prompt.actions)


async def test_who_adds_the_bot_is_greeted_and_can_be_written_to() -> None:
    async with bench() as made:
        made.chatter.install(made.ana)
        await made.settled()
        (command,) = made.taken("command")
        assert command == Command(name="help", actor=command.actor)
        assert len(made.said(made.ana)) == 1


# -- answers ---------------------------------------------------------------------------------------------------------


async def test_an_answer_is_filled_in_sent_and_acknowledged_in_place() -> None:
    async with bench() as made:
        prompt, chatter = answerable(), made.chatter
        message = made.asked(prompt, made.ana)
        for act in (
            lambda: chatter.choose(made.ana, message, "One", "2 <of> 3 & more"),
            lambda: chatter.press(made.ana, message, "☐ 1 <of> 3 & more"),
            lambda: chatter.press(made.ana, message, "☐ 3 <of> 3 & more"),
            lambda: chatter.fill_in(made.ana, message, "Short", "A line <!all> *not* bold"),
            lambda: chatter.press(made.ana, message, "☐ Confirm"),
        ):
            act()
            await made.settled()
        assert message.versions == 6
        assert not made.taken("answered"), "nothing half written is kept"
        thanks = replace(prompt, title="Thanks", body=Markup.literal("It is kept."))
        made.inbox.reply = Reply(status="taken", prompt=thanks)
        chatter.press(made.ana, message, "Send")
        await made.settled()
        (answer,) = made.taken("answered")
        assert answer["token"] == prompt.actions[0].token
        assert answer["values"] == {
            "one": "2",
            "many": ["1", "3"],
            "short": "A line <!all> *not* bold",
            "confirm": True,
        }
        assert message.content["head"]["text"] == "Thanks"
        assert len(made.town.chat.said(made.ana)) == 1


async def test_quick_hands_lose_nothing() -> None:
    async with bench() as made:
        message = made.asked(answerable(), made.ana)
        # the client still shows what it showed when each is done
        before = copy.deepcopy(message.content)
        for label in ("☐ 1 <of> 3 & more", "☐ 2 <of> 3 & more", "☐ 2 <of> 3 & more"):
            message.content = copy.deepcopy(before)
            made.chatter.press(made.ana, message, label)
            await made.settled()
        message.content = copy.deepcopy(before)
        made.chatter.fill_in(made.ana, message, "Short", "Quick")
        await made.settled()
        message.content = copy.deepcopy(before)
        made.chatter.press(made.ana, message, "Send")
        await made.settled()
        assert made.taken("answered")[0]["values"] == {"many": ["1"], "short": "Quick", "confirm": False}


async def test_acts_of_one_moment_all_stand_in_the_message() -> None:
    async with bench() as made:
        message, chatter = made.asked(answerable(), made.ana), made.chatter
        # none of the three events knows of the other two
        chatter.choose(made.ana, message, "One", "2 <of> 3 & more")
        chatter.fill_in(made.ana, message, "Short", "Words")
        chatter.press(made.ana, message, "☐ 3 <of> 3 & more")
        await made.settled()
        shown = messages_form.values(message.content, ("short", "long"))
        assert shown == {"one": "2", "many": ["3"], "short": "Words", "confirm": False}


async def test_a_pass_needs_no_form_and_a_refusal_leaves_it() -> None:
    async with bench() as made:
        message = made.asked(answerable(), made.ana)
        made.inbox.reply = Reply(status="refused", text=Markup.literal("Nothing is filled in."), private=True)
        made.chatter.press(made.ana, message, "Send")
        await made.settled()
        assert message.versions == 1
        assert "Nothing is filled in." in made.said(made.ana)[-1]
        made.inbox.reply = Reply(status="taken", text=Markup.literal("You passed."), private=True)
        made.chatter.press(made.ana, message, "Pass")
        await made.settled()
        assert made.taken("answered")[-1] == made.taken("answered")[-1] | {"token": opaque("2"), "values": {}}
        assert message.content["head"]["sub_head"] == {"text": "You passed."}


async def test_a_posting_opens_a_form_that_only_its_person_sees() -> None:
    async with bench() as made:
        chat, rituals = made.town.chat, team_chat(made.context).rituals
        place, key = Place(platform="zoom", ref=made.channel.jid, kind="channel"), "ab" * 16
        await rituals.post(place, answerable(), key)
        (posting,) = chat.seen(made.ben, made.channel.jid)
        made.chatter.press(made.ben, posting, "Answer")
        await made.settled()
        (form,) = chat.said(made.ben)
        assert len(chat.seen(made.ana, made.channel.jid)) == 1
        made.chatter.fill_in(made.ben, form, "Short", "From the channel")
        await made.settled()
        made.inbox.reply = Reply(status="taken", text=Markup.literal("Kept."), private=True)
        made.chatter.press(made.ben, form, "Send")
        await made.settled()
        (answer,) = made.taken("answered")
        assert answer["values"] == {"short": "From the channel", "confirm": False}
        assert form.content["head"]["sub_head"] == {"text": "Kept."}
        made.chatter.press(made.ana, posting, "Pass")
        await made.settled()
        assert made.taken("answered")[-1]["values"] == {}
        assert len(chat.seen(made.ben, made.channel.jid)) == 2  # the posting, and the pointer for Ben
        await made.context.store.delete(f"chat-posting:{key}")
        made.chatter.press(made.ana, posting, "Answer")
        await made.settled()
        assert "closed" in json.dumps(chat.seen(made.ana, made.channel.jid)[-1].content)


async def test_what_is_sent_twice_is_taken_once_and_another_time_is_a_change() -> None:
    async with bench() as made:
        message = made.asked(answerable(), made.ana)
        event = made.chatter.press(made.ana, message, "Send")
        await made.settled()
        made.server.bot.tell(event)
        await made.settled()
        assert len(made.taken("answered")) == 1
        assert message.versions == 2
        made.chatter.press(made.ana, message, "Send")
        await made.settled()
        assert len(made.taken("answered")) == 2


async def test_what_cannot_be_said_is_no_reason_to_send_the_event_again() -> None:
    async with bench() as made:
        made.server.choose = lambda method, path: refusal(500)
        made.chatter.say(made.ana, "help")
        made.chatter.press(made.ana, made.asked(answerable(), made.ana), "Send")
        await made.settled()
        assert len(made.server.bot.attempts) == 2


async def test_a_slow_zoom_does_not_keep_zoom_waiting() -> None:
    async with bench(timeout=2.4) as made:
        made.server.script(hang())
        body, began = json.dumps(event_of(made)).encode(), time.monotonic()
        assert await made.post(body, **signed(body)) == 200
        assert time.monotonic() - began < 2.9
        await made.endpoint.turns.close()


async def test_without_a_bot_there_is_no_endpoint() -> None:
    settings = Settings.model_validate(ZoomServer(port=9).settings(app=None))
    assert not list(routes(FakeContext(settings=settings)))
    assert team_chat(FakeContext(settings=settings)).surveys is None


# -- who may speak ---------------------------------------------------------------------------------------------------


def event_of(made: Bench, **changes: Any) -> dict[str, Any]:
    payload = {
        "accountId": made.town.account,
        "channelName": "",
        "cmd": "help",
        "robotJid": made.server.robot,
        "timestamp": 1767603600000,
        "toJid": jid_of(made.ana),
        "triggerId": "t1",
        "userId": made.ana,
        "userJid": jid_of(made.ana),
        "userName": "Ana",
    }
    return {"event": "bot_notification", "payload": {**payload, **changes}}


def now(ahead: float = 0.0) -> str:
    return str(int(time.time() + ahead))


CASES: dict[str, tuple[int, Any]] = {
    "genuine": (200, lambda made, body: {}),
    "the former secret": (200, lambda made, body: signed(body, secret="the-former-secret")),
    "in milliseconds": (200, lambda made, body: signed(body, stamp=now() + "000")),
    "late, as a retry": (200, lambda made, body: signed(body, stamp=now(-85 * 60))),
    "a clock that is a little ahead": (200, lambda made, body: signed(body, stamp=now(30))),
    "unsigned": (401, lambda made, body: {SIGNATURE: ""}),
    "no header at all": (401, lambda made, body: {SIGNATURE: None, TIMESTAMP: None}),
    "no time": (401, lambda made, body: {TIMESTAMP: ""}),
    "another time than the signed one": (401, lambda made, body: {TIMESTAMP: now(-1)}),
    "another body than the signed one": (401, lambda made, body: signed(body + b" ")),
    "another secret": (401, lambda made, body: signed(body, secret="guess-the-secret")),
    "an empty secret": (401, lambda made, body: signed(body, secret="")),
    "too old": (401, lambda made, body: signed(body, stamp=now(-3 * 3600))),
    "from the future": (401, lambda made, body: signed(body, stamp=now(120))),
    "a time that is none": (401, lambda made, body: signed(body, stamp="soon")),
    "a negative time": (401, lambda made, body: signed(body, stamp="-1767603600")),
    "another version": (401, lambda made, body: {SIGNATURE: signed(body)[SIGNATURE].replace("v0", "v1")}),
    "in capitals": (401, lambda made, body: {SIGNATURE: signed(body)[SIGNATURE].upper()}),
    "the bare digest": (401, lambda made, body: {SIGNATURE: signed(body)[SIGNATURE][3:]}),
    "cut": (401, lambda made, body: {SIGNATURE: signed(body)[SIGNATURE][:-1]}),
    "a bearer token instead": (401, lambda made, body: {SIGNATURE: None, "authorization": "Bearer signs-the-events"}),
    "the secret itself": (401, lambda made, body: {SIGNATURE: "v0=signs-the-events"}),
    "no ASCII": (401, lambda made, body: {SIGNATURE: "v0=ß"}),
}


def signed(body: bytes, *, secret: str = "signs-the-events", stamp: str | None = None) -> dict[str, str]:  # noqa: S107  # a secret of the test
    at = stamp or now()
    return {TIMESTAMP: at, SIGNATURE: sign(secret, at, body)}


async def test_only_what_zoom_signed_is_taken() -> None:
    async with bench() as made:
        for number, (name, (status, change)) in enumerate(CASES.items()):
            body = json.dumps(event_of(made, triggerId=f"t{number}")).encode()
            headers = {**signed(body), **change(made, body)}
            known = len(made.inbox.received)
            given = {key: value for key, value in headers.items() if value is not None}
            assert await made.post(body, **given) == status, name
            assert (len(made.inbox.received) > known) == (status == 200), name
        await made.endpoint.turns.close()


FOREIGN: dict[str, tuple[int, dict[str, Any]]] = {
    "another account": (403, {"accountId": "another_account"}),
    "no account": (403, {"accountId": None}),
    "another bot": (403, {"robotJid": "v1other@xmpp.zoom.us"}),
    "nobody": (400, {"userId": ""}),
    "a user id that is a path": (400, {"userId": "../accounts/me"}),
    "no address": (400, {"userJid": "ana"}),
    "a channel for a person": (400, {"userJid": "abc@conference.xmpp.zoom.us"}),
    "a place that is none": (400, {"toJid": "https://evil.example/x@conference.xmpp.zoom.us"}),
    "a place with a bar": (400, {"toJid": "a|b@conference.xmpp.zoom.us"}),
    "a list for a text": (400, {"cmd": ["help"]}),
    "a very long text": (400, {"cmd": "x" * 20_000}),
    "an object for an id": (400, {"userId": {"a": 1}}),
}


async def test_what_is_signed_but_not_for_this_bot_is_refused() -> None:
    async with bench() as made:
        for name, (status, change) in FOREIGN.items():
            body = json.dumps(event_of(made, **change)).encode()
            assert await made.post(body, **signed(body)) == status, name
        for raw in (b"", b"null", b"[]", b"{", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"event": 1, "payload": {}}'):
            assert await made.post(raw, **signed(raw)) == 400, raw[:20]
        large = b'{"event": "' + b"x" * 600_000 + b'"}'
        assert await made.post(large, **signed(large)) == 413
        other = json.dumps({**event_of(made), "event": "team_chat.link_shared"}).encode()
        assert await made.post(other, **signed(other)) == 200
        assert not made.inbox.received


async def test_zoom_asks_whether_we_hold_the_secret() -> None:
    async with bench() as made:
        status, answer = await made.server.bot.validate("abc")
        assert status == 200
        assert json.loads(answer)["plainToken"] == "abc"
        made.server.bot.secret = "guess-the-secret"
        assert (await made.server.bot.validate("abc"))[0] == 401


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=30)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
EVENTS = (
    "bot_notification",
    "bot_installed",
    "interactive_message_actions",
    "interactive_message_select",
    "interactive_message_fields_editable",
    "interactive_message_editable",
    "chat_message.submit",
)
NAMES = ("accountId", "cmd", "toJid", "userId", "userJid", "timestamp", "messageId", "original", "actionItem")
PARTS = (*NAMES, "selectedItems", "fieldEditItem")


@st.composite
def confused(draw: Any) -> tuple[str, dict[str, Any], bool]:
    """Draw an event whose parts are of any type, or missing, or as they should be."""
    changes = draw(st.dictionaries(st.sampled_from(PARTS), JSON, max_size=5))
    value = draw(
        st.sampled_from(["choose:one:1", "tick:many:1", "open:" + "a" * 32, "send:tok:short", "plain:t", ""])
    )
    sound = {
        "messageId": "m1",
        "original": messages.question(sample_prompt()),
        "actionItem": {"text": "x", "value": value},
        "selectedItems": [{"value": value}],
        "fieldEditItem": {"currentValue": " ", "key": "Short", "newValue": draw(st.text(max_size=20))},
    }
    return draw(st.sampled_from(EVENTS)), {**sound, **changes}, draw(st.booleans())


async def survives(events: list[tuple[str, dict[str, Any], bool]]) -> None:
    async with bench() as made:
        for number, (event, changes, channel) in enumerate(events):
            place = {"toJid": made.channel.jid} if channel else {}
            whole = {"event": event, "payload": {**event_of(made, timestamp=number, **place)["payload"], **changes}}
            body = json.dumps(whole).encode()
            assert await made.post(body, **signed(body)) in (200, 400, 403), whole
        await made.endpoint.turns.close()


@seed(20260105)
@given(st.lists(confused(), min_size=30, max_size=30))
@examples(max_examples=4, deadline=None)
def test_no_payload_makes_it_fall_over(events: list[tuple[str, dict[str, Any], bool]]) -> None:
    asyncio.run(survives(events))


@pytest.mark.campaign
@given(st.lists(confused(), min_size=30, max_size=30))
@examples(max_examples=70, deadline=None)
def test_two_thousand_payloads_do_not_make_it_fall_over(events: list[tuple[str, dict[str, Any], bool]]) -> None:
    asyncio.run(survives(events))


async def test_a_summary_offers_nothing_to_press() -> None:
    content = messages.posting(summary_prompt(), "ab" * 16)
    assert "actions" not in {part["type"] for part in content["body"]}
