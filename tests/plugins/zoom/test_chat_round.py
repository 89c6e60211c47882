"""Whole rounds inside Team Chat, with the real core and the stand-in; all that is exchanged fits Zoom's own types."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jsonschema import Draft7Validator
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

import tertulia_zoom
from tertulia.domain.identifiers import Id
from tertulia.services import sign_ups
from tertulia.services.registry import Live
from tertulia.storage import tables
from tertulia.testing.world import Home, World, world
from tertulia_zoom.chatbot_route import ENDPOINT
from tertulia_zoom.stand_in import Town, ZoomServer
from tertulia_zoom.stand_in import polls as poll_api
from tertulia_zoom.stand_in.chat import Channel, Written

BESIDE = Path(__file__).parents[4] / "shared" / "contracts"
NAMES = ("Ana Sousa", "Ben Okafor", "Chen Wei", "Dalia Haddad")
ROUND = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
ask = "both"
places = ["zoom:{channel}"]
open_for = "6h"
reminders = ["2h"]
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
[practice.options]
ask = "both"
visibility = "workspace"
"""
SURVEY = """
[[practice]]
key = "one-question"
kind = "single-question"
title = "Would you say it aloud?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
[practice.options]
question = "Can you say what you think in your team?"
"""
POLL = """
[[practice]]
key = "icebreaker"
kind = "icebreaker"
title = "Two minutes for each other"
ask = "place"
places = [{{ platform = "zoom", ref = "{meeting}", kind = "meeting" }}, "zoom:{channel}"]
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
time = "common"
"""

CAFE = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-01-05T10:00", time = "common", zone = "UTC" }}
open_for = "24h"
options = {{ form = "within", size = 4 }}
"""


@dataclass
class Office:
    """Hold a workspace whose members talk in Team Chat."""

    core: World
    home: Home
    live: Live
    server: ZoomServer
    town: Town
    users: dict[str, str]
    people: dict[str, Id]
    channel: Channel
    meeting: str

    def asked(self, name: str, title: str = "How is your day going?") -> list[Written]:
        said = self.town.chat.said(self.users[name])
        return [one for one in said if one.content.get("head", {}).get("text") == title]

    def counts(self) -> list[int]:
        return [len(self.asked(name)) for name in NAMES]

    def seen_by(self, user: str) -> list[Written]:
        return [one for one in self.town.chat.seen(user, self.channel.jid) if not one.writer]

    def in_channel(self) -> list[Written]:
        return [one for one in self.seen_by(self.users["Ben Okafor"]) if not one.only]

    async def rows(self, table: Any) -> list[Any]:
        async with self.core.runtime.database.read() as tx:
            return list(await tx.execute(sa.select(table)))


@asynccontextmanager
async def office(folder: Path, program: str, *, schedules: bool = False) -> AsyncIterator[Office]:
    plugins = {"zoom": tertulia_zoom}
    async with ZoomServer() as server, world(f"sqlite:///{folder / 't.db'}", folder, plugins=plugins) as core:
        town = server.town
        town.now = core.clock.now
        home = await core.workspace(domains=["example.org"])
        mails = {name: f"{name.split()[0].lower()}@example.org" for name in NAMES}
        users = {name: town.add_user(name, mails[name]) for name in NAMES}
        people = {name: await core.person(home, name, email=mails[name], team="Harbour") for name in NAMES}
        channel = town.chat.add_channel("Everyone", list(users.values()))
        meeting = town.add_meeting(users[NAMES[0]], "Weekly")
        live = await core.enable(home, "zoom", server.settings(scheduler=users[NAMES[0]] if schedules else None))
        server.bot.url = live.context.public_url + ENDPOINT

        async def known() -> bool:
            return await core.reachable(home, "zoom") == len(NAMES)

        await core.until(known)
        await core.apply(home, program.format(channel=channel.jid, meeting=meeting))
        yield Office(core, home, live, server, town, users, people, channel, meeting)


# -- contracts ------------------------------------------------------------------------------------------------------


def contract(name: str) -> Any:
    path = Path(os.environ.get("TERTULIA_CONTRACTS", BESIDE)) / "zoom" / name
    if not path.is_file():
        pytest.skip(f"the contract {name} is not here; TERTULIA_CONTRACTS names the folder it is in")
    return json.loads(path.read_text(encoding="utf-8"))


CHAT_TYPES = {
    "POST": "SendChatbotMessagesRequestBody",
    "PUT": "EditChatbotMessageRequestBody",
    "DELETE": "DeleteChatbotMessageQueryParams",
}


CHAT_SPEC, MEETING_SPEC = "zoom.us.apisguru.openapi3.json", "ZoomMeetingAPISpec-2023-10.sane.openapi3.json"


def described(name: str, url: str) -> OpenAPI:
    """Read the operations about chats and polls; their security schemes are of a kind that the checker lacks."""
    whole = contract(name)
    paths = {
        path: {name: without(one, "security") if isinstance(one, dict) else one for name, one in methods.items()}
        for path, methods in whole["paths"].items()
        if path.startswith("/im/chat/messages") or path.endswith("polls") or "/polls/" in path
    }
    parts = without(whole.get("components", {}), "securitySchemes")
    spec = {**without(whole, "security"), "components": parts, "paths": paths, "servers": [{"url": url}]}
    return OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if name != key}


def faults(server: ZoomServer) -> list[str]:
    """Return what was exchanged about chats and polls and does not fit Zoom's own types."""
    rivet = contract("rivet-0.4.0-chatbot.types.schemas.json")
    specs = {name: described(name, f"{server.url}/v2") for name in (CHAT_SPEC, MEETING_SPEC)}
    found = []
    for one in server.journal:
        chat = one.template.startswith("/im/chat/")
        if not chat and "polls" not in one.template:
            continue
        if chat:
            given = one.query if one.method == "DELETE" else one.body
            found += [e.message[:300] for e in Draft7Validator(rivet[CHAT_TYPES[one.method]]).iter_errors(given)]
        spec = specs[CHAT_SPEC if chat else MEETING_SPEC]
        data = json.dumps(one.body).encode() if one.body is not None else None
        request = MockRequest(
            server.url,
            one.method.lower(),
            f"/v2{one.path}",
            args=dict(one.query),
            data=data,
            content_type="application/json",
        )
        try:
            spec.validate_request(request)
            if one.status < 300 and not chat:
                spec.validate_response(request, MockResponse(one.answer, one.status))
        except Exception as error:
            found.append(f"{one.method} {one.path}: {error!r} {error.__cause__!r}"[:400])
    events = Draft7Validator(contract("rivet-0.4.0-events-chatbot.schema.json"))
    for attempt in server.bot.attempts:
        found += [error.message[:300] for error in events.iter_errors(json.loads(attempt.body))]
    return found


# -- rounds ---------------------------------------------------------------------------------------------------------


async def test_a_whole_round_inside_team_chat(tmp_path: Path) -> None:
    async with office(tmp_path, ROUND) as place:
        core, chatter = place.core, place.server.chatter
        ana, ben, chen, dalia = (place.users[name] for name in NAMES)
        chatter.say(dalia, "stop check-in")
        await core.until(lambda: "not be invited" in json.dumps([one.content for one in place.town.chat.said(dalia)]))

        chatter.say(ben, "candle", place.channel.jid)
        await core.until(lambda: "in private" in json.dumps([one.content for one in place.seen_by(ben)]))
        assert "in private" not in json.dumps([one.content for one in place.seen_by(ana)])

        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: place.counts() == [1, 1, 1, 0])
        await core.until(lambda: len(place.in_channel()) == 1)

        (message,) = place.asked("Ana Sousa")
        chatter.choose(ana, message, "How is the work going?", "4")
        await core.until(lambda: message.versions == 2)
        chatter.fill_in(ana, message, "What are you on?", "The <b>harbour</b> *plan* <!all>")
        await core.until(lambda: message.versions == 3)
        assert not await place.rows(tables.response), "nothing half written is kept"
        chatter.press(ana, message, "Share")
        await core.until(lambda: message.versions == 4)
        assert "Thank you. Your answer is kept under your name" in json.dumps(message.content)

        (posting,) = place.in_channel()
        chatter.press(ben, posting, "Answer")
        await core.until(lambda: place.counts() == [1, 2, 1, 0])
        form = place.asked("Ben Okafor")[-1]
        chatter.fill_in(ben, form, "Something from life you like to share", "A new kitten")
        await core.until(lambda: form.versions == 2)
        chatter.press(ben, form, "Share")
        await core.until(lambda: form.versions == 3)
        # and once more in his own message: still one answer, one person
        chatter.choose(ben, place.asked("Ben Okafor")[0], "A word for today", "Bright")
        await core.until(lambda: place.asked("Ben Okafor")[0].versions == 2)
        chatter.press(ben, place.asked("Ben Okafor")[0], "Share")
        await core.until(lambda: place.asked("Ben Okafor")[0].versions == 3)

        (row,) = [row for row in await core.rounds(place.home) if row.state == "open"]
        assert (await core.progress(place.home, row.id)).answered == 2
        answered = {(one.person_id, one.platform) for one in await place.rows(tables.participation)}
        assert answered == {(place.people[name], "zoom") for name in NAMES[:2]}

        core.clock.advance(timedelta(hours=2))
        await core.until(lambda: place.counts() == [1, 2, 2, 0])  # who has not answered is reminded, nobody else
        assert "A reminder" in json.dumps(place.asked("Chen Wei")[-1].content)
        chatter.press(chen, place.asked("Chen Wei")[-1], "Pass")
        await core.until(lambda: "You passed" in json.dumps(place.asked("Chen Wei")[-1].content))

        core.clock.advance(timedelta(hours=4))
        await core.until(lambda: len(place.in_channel()) >= 2)
        digest = json.dumps(place.in_channel()[-1].content, ensure_ascii=False)
        assert "2 people checked in, 1 passed." in digest
        assert "Ana Sousa" in digest
        assert "harbour" in digest
        assert "Chen" not in digest
        assert "<!all>" not in digest
        assert not {"actions", "fields", "select"} & {part["type"] for part in place.in_channel()[0].content["body"]}
        assert place.counts() == [1, 2, 2, 0]
        assert all(attempt.status == 200 for attempt in place.server.bot.attempts)
        assert not [one for one in place.server.journal if one.status >= 400]
        assert faults(place.server) == []


async def test_a_survey_is_a_link_in_the_own_chat_and_nothing_else(tmp_path: Path) -> None:
    async with office(tmp_path, SURVEY) as place:
        core = place.core
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: all(place.town.chat.said(user) for user in place.users.values()))
        said = [one.content for one in place.town.chat.messages.values()]
        links = [part["link"] for content in said for part in content["body"] if "link" in part]
        assert len(set(links)) == len(NAMES)
        assert all(link.startswith(core.runtime.config.public_url) for link in links)
        whole = json.dumps(said, ensure_ascii=False)
        for word in ("say what you think", "Would you say it aloud", "agree", "actions", "select", "fields"):
            assert word not in whole
        assert not place.in_channel()
        # what is confidential is not taken here, whatever somebody sends
        (message,) = place.town.chat.said(place.users["Ana Sousa"])
        place.town.chat.messages[message.id].content = {
            "head": {"text": "x"},
            "body": [{"type": "actions", "items": [{"text": "Go", "value": "plain:abc", "style": "Default"}]}],
        }
        place.server.chatter.press(place.users["Ana Sousa"], message, "Go")
        await core.until(lambda: len(place.town.chat.said(place.users["Ana Sousa"])) == 2)
        assert faults(place.server) == []
        sent = place.server.arrived("POST", "/im/chat/messages")[0]
        place.server.journal = [replace(sent, body=without(sent.body, "user_jid")), replace(sent, body=None)]
        assert len(faults(place.server)) >= 2, "the check finds what is wrong"


async def test_a_poll_of_a_meeting_and_a_channel_meet_in_one_digest(tmp_path: Path) -> None:
    async with office(tmp_path, POLL) as place:
        core, town = place.core, place.town
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: town.poll.polls.get(place.meeting) and place.in_channel())
        ((poll, made),) = town.poll.polls[place.meeting].items()
        (question,) = made["questions"]
        assert made["anonymous"] is False
        assert "shown with your name" in question["name"]

        place.server.sender.url = (await place.live.context.subscribe("events", [place.server.secret])).url
        instance = place.server.meetings.start(place.meeting)
        stays = [place.server.meetings.join(instance, user=place.users[name]) for name in NAMES[:2]]
        stays.append(place.server.meetings.join(instance, name="A guest"))
        for who, text in (*zip(place.users.values(), ("The sea.", "A hut."), strict=False), ("A guest", "Nowhere.")):
            poll_api.answer(town, instance, who, poll, {question["name"]: text})
        core.clock.advance(timedelta(minutes=30))
        place.server.meetings.end(instance)
        (posting,) = place.in_channel()
        # who answered in the meeting answers in the channel, too, and counts once
        for name in ("Ben Okafor", "Chen Wei"):
            place.server.chatter.press(place.users[name], posting, "Answer")
            await core.until(lambda name=name: town.chat.said(place.users[name]))
            form = town.chat.said(place.users[name])[-1]
            place.server.chatter.fill_in(place.users[name], form, "Your answer", f"The wood of {name.split()[0]}.")
            await core.until(lambda form=form: form.versions == 2)
            place.server.chatter.press(place.users[name], form, "Share")
            await core.until(lambda form=form: form.versions == 3)
        core.clock.advance(timedelta(hours=2))

        async def collected() -> bool:
            return len(await place.rows(tables.response)) == 3

        await core.until(collected)
        core.clock.advance(timedelta(hours=4))
        await core.until(lambda: len(place.in_channel()) == 2)
        digest = json.dumps(place.in_channel()[-1].content, ensure_ascii=False)
        assert "3 people answered." in digest
        assert "The sea." in digest
        assert "Nowhere." not in digest
        assert not town.poll.polls[place.meeting]
        assert faults(place.server) == []


async def test_a_cafe_is_introduced_in_the_own_chats_and_meets_in_a_meeting_of_its_own(tmp_path: Path) -> None:
    async with office(tmp_path, CAFE, schedules=True) as place:
        core, town = place.core, place.town
        async with core.runtime.database.write() as tx:
            for person in place.people.values():
                await sign_ups.sign_up(
                    core.runtime, tx, place.home.organization, place.home.workspace, "coffee", person
                )
        before = set(town.meetings)
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: all(len(town.chat.said(user)) == 2 for user in place.users.values()))
        (number,) = set(town.meetings) - before
        meeting = town.meetings[number]
        assert meeting["type"] == 3
        for name, user in place.users.items():
            asked, invited = [one.content for one in town.chat.said(user)]
            assert meeting["join_url"] in json.dumps(invited)
            assert meeting["join_url"] not in json.dumps(asked)
            assert "actions" not in {part["type"] for part in invited["body"]}
            others = [other for other in NAMES if other != name]
            assert all(other in json.dumps(asked) for other in others)
        (ana, message) = (place.users["Ana Sousa"], town.chat.said(place.users["Ana Sousa"])[0])
        items = [item for part in message.content["body"] if part["type"] == "actions" for item in part["items"]]
        times = [item["text"] for item in items if item["value"].startswith("tick:times:")]
        place.server.chatter.press(ana, message, times[0])
        await core.until(lambda: message.versions == 2)
        (send,) = [item["text"] for item in items if item["value"].startswith("send:")]
        place.server.chatter.press(ana, message, send)
        await core.until(lambda: message.versions == 3)
        assert [row._mapping["values"] for row in await place.rows(tables.response)] == [{"times": ["0"]}]
        assert faults(place.server) == []
