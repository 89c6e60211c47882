"""What activities mean: answers, commands, who can be written to, who took part."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from multidict import CIMultiDict

from tertulia import Actor, Markup, Participation, Place, Reply, Unreachable
from tertulia.testing.context import FakeContext
from tertulia.testing.samples import sample_prompt
from tertulia_teams import cards, register_platforms, register_routes
from tertulia_teams.ports import Outbound
from tertulia_teams.references import Reference

Make: TypeAlias = Callable[..., Any]
TENANT = "11111111-2222-4333-8444-555555555555"
APP = "99999999-8888-4777-8666-555555555555"
ANA, BEN = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
TEAM = "19:abc@thread.tacv2"
CHANNEL = {"id": f"{TEAM};messageid=17", "conversationType": "channel", "isGroup": True, "tenantId": TENANT}
CHAT = {"id": "19:meeting_abc@thread.v2", "conversationType": "groupChat", "isGroup": True, "tenantId": TENANT}
BOT = {"type": "mention", "text": "<at>Tertulia</at>", "mentioned": {"id": f"28:{APP}", "name": "Tertulia"}}
BEN_MENTIONED = {"type": "mention", "text": "<at>Ben</at>", "mentioned": {"id": "29:ben", "name": "Ben"}}
TEAMS_PLACE = Place(platform="teams", ref=TEAM, kind="channel")
MEETING_PLACE = Place(platform="teams", ref="19:meeting_abc@thread.v2", kind="meeting")
DATA = {cards.TOKEN: "sealed", "one.going": "3", "many.days": "mon,tue", "confirm.sure": "true", "long.word": ""}
EVENT = "application/vnd.microsoft.meeting"


def actor(user: str) -> Actor:
    return Actor(platform="teams", realm=TENANT, user=user)


class TestAnswers:
    async def test_by_the_newer_button(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.answer(prompt=sample_prompt())
            answer = await chat.press()
            assert chat.got("answered") == [
                {
                    "token": "sealed",
                    "actor": actor(ANA),
                    "values": {"going": "3", "days": ["mon", "tue"], "sure": True},
                    "reply_to": None,
                }
            ]
            assert (answer["statusCode"], answer["type"]) == (200, cards.CARD)
            assert answer["value"]["type"] == "AdaptiveCard"
            assert chat.said.replies == []

    async def test_the_same_event_again_answers_as_before(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            assert await chat.press() == await chat.press()
            assert len(chat.got("answered")) == 1
            await chat.press(id="another")
            assert len(chat.got("answered")) == 2

    async def test_by_the_older_button(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.answer(prompt=sample_prompt())
            assert await chat.send("message", value=DATA, replyToId="1600") is None
            assert chat.got("answered")[0]["values"]["going"] == "3"
            ((to, reply),) = chat.said.replies
            assert Reference.parse(to).activity == "1600"
            assert reply.prompt is not None

    async def test_a_refusal_leaves_the_form(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.answer(status="refused", prompt=sample_prompt(), text=Markup.literal("Too long."))
            answer = await chat.press()
            assert answer == {"statusCode": 200, "type": cards.TEXT, "value": "Too long."}
            await chat.send("message", value=DATA, replyToId="1600", id="2")
            assert Reference.parse(chat.said.replies[0][0]).activity == ""

    async def test_a_private_reply_stays_out_of_the_channel(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.answer(prompt=sample_prompt(), private=True)
            answer = await chat.press(conversation=CHANNEL)
            assert answer == {"statusCode": 200, "type": cards.TEXT, "value": "Thank you."}

    @pytest.mark.parametrize("data", [{}, {"one.going": "3"}, {cards.TOKEN: 7}, {cards.TOKEN: ""}])
    async def test_without_our_token(self, open_chat: Make, data: object) -> None:
        async with open_chat() as chat:
            answer = await chat.press(data)
            assert (answer["statusCode"], answer["type"]) == (400, cards.ERROR)
            assert chat.got("answered") == []

    async def test_somebody_without_an_account(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            answer = await chat.press(**{"from": {"id": "29:guest", "name": "Guest"}})
            assert (answer["statusCode"], answer["type"]) == (400, cards.ERROR)

    async def test_nothing_of_an_answer_is_kept_or_logged(
        self, open_chat: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(0)
        async with open_chat() as chat:
            await chat.press({cards.TOKEN: "sealed", "long.word": "CANARY-answer"})
            await chat.send("message", value={cards.TOKEN: "sealed", "long.word": "CANARY-answer"}, id="2")
            assert len(chat.got("answered")) == 2
            assert "CANARY" not in json.dumps(chat.context.store.values)
            assert "CANARY" not in caplog.text


class TestCommands:
    async def test_in_the_own_chat(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            await chat.send("message", text="Snooze 3 days")
            (command,) = chat.got("command")
            assert (command.name, command.args, command.place) == ("snooze", ("3",), None)
            ((to, _),) = chat.said.replies
            origin = Reference.parse(to)
            assert (origin.conversation, origin.activity, origin.user) == ("a:1", "", ANA)

    async def test_by_mention_in_a_channel(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.said.accounts = {"29:ben": BEN}
            text = "<at>Tertulia</at> kudos <at>Ben</at> for the help"
            await chat.send("message", text=text, conversation=CHANNEL, entities=[BOT, BEN_MENTIONED])
            (command,) = chat.got("command")
            assert (command.name, command.args) == ("kudos", (actor(BEN), "for the help"))
            assert command.place == TEAMS_PLACE
            assert chat.got("participated") == []

    async def test_an_account_that_cannot_be_looked_up(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.said.error = Unreachable("gone")
            await chat.send("message", text="kudos <at>Ben</at> thanks", entities=[BEN_MENTIONED])
            (command,) = chat.got("command")
            assert command.name == "kudos"
            assert not any(isinstance(arg, Actor) for arg in command.args)

    async def test_other_words_in_a_channel_are_no_commands(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            await chat.send("message", text="candle", conversation=CHANNEL, entities=[BEN_MENTIONED])
            assert chat.got("command") == []
            expected = Participation(actor=actor(ANA), place=TEAMS_PLACE, kind="commented", started=AT)
            assert chat.got("participated") == [(expected,)]

    async def test_typing_is_shown_when_it_takes_long(self, open_chat: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tertulia_teams.turns.LONG", 0.05)
        async with open_chat() as chat:
            answer = chat.context.inbox.command

            async def slow(*arguments: Any) -> Reply:
                await asyncio.sleep(0.2)
                reply: Reply = await answer(*arguments)
                return reply

            chat.context.inbox.command = slow
            await chat.send("message", text="help")
            assert chat.said.typing_in == ["a:1"]
            assert len(chat.said.replies) == 1

    async def test_a_slow_connector_keeps_nobody_waiting(
        self, open_chat: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tertulia_teams.turns.PATIENCE", 0.1)
        async with open_chat() as chat:
            chat.said.pause = 1.5
            started = time.monotonic()
            await chat.send("message", text="help")
            assert time.monotonic() - started < 1.2
            await chat.messages.turns.close()
            assert len(chat.said.replies) == 1

    async def test_a_reply_that_cannot_be_sent_harms_nobody(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.said.error = Unreachable("blocked")
            await chat.send("message", text="help")
            assert len(chat.got("command")) == 1


class TestReach:
    async def test_added_by_a_person(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            await chat.send("installationUpdate", action="add")
            ((what, activity),) = chat.said.places
            assert (what, activity["conversation"]["id"]) == ("installed", "a:1")
            assert [command.name for command in chat.got("command")] == ["help"]
            assert len(chat.said.replies) == 1

    async def test_who_is_about_to_be_asked_is_not_greeted(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            chat.said.by_us = {ANA}
            await chat.send("installationUpdate", action="add")
            assert [what for what, _ in chat.said.places] == ["installed"]
            assert chat.said.replies == chat.got("command") == []

    async def test_removed(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            await chat.send("installationUpdate", action="remove")
            assert [what for what, _ in chat.said.places] == ["uninstalled"]

    async def test_added_to_a_team(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            added = [{"id": f"28:{APP}"}, {"id": "29:ben", "aadObjectId": BEN, "name": "Ben"}, {"id": "29:x"}]
            await chat.send("conversationUpdate", membersAdded=added, conversation=CHANNEL)
            assert [what for what, _ in chat.said.places] == ["installed"]
            assert [(member.actor, member.name) for member in chat.got("joined")] == [(actor(BEN), "Ben")]
            assert chat.said.replies == []

    async def test_leaving_a_team_is_not_leaving(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            removed = [{"id": "29:ben", "aadObjectId": BEN}]
            await chat.send("conversationUpdate", membersRemoved=removed, conversation=CHANNEL)
            assert chat.got("left") == []
            await chat.send("conversationUpdate", membersRemoved=[{"id": f"28:{APP}"}], conversation=CHANNEL)
            assert [what for what, _ in chat.said.places] == ["uninstalled"]

    async def test_who_writes_can_be_written_to(self, settings_of: Make, activity_of: Make) -> None:
        async with FakeContext(settings=settings_of(None)) as context:
            reach = Outbound(context).reach
            await reach.heard(activity_of("message", conversation=CHANNEL))
            assert context.store.values == {}
            await reach.heard(activity_of("message"))
            await reach.heard(activity_of("message"))
            assert [one.value for one in context.inbox.received] == [(actor(ANA), {"user": ANA})]
            assert (await reach.chat(ANA)).conversation == "a:1"

    async def test_an_installation_of_ours_is_told_once(self, settings_of: Make) -> None:
        async with FakeContext(settings=settings_of(None)) as context:
            reach = Outbound(context).reach
            assert not await reach.installed_by_us(ANA)
            await context.store.put(f"installing:{ANA}", True)
            assert [await reach.installed_by_us(ANA) for _ in range(2)] == [True, False]

    async def test_ports_and_routes_share_what_they_know(self, settings_of: Make) -> None:
        async with FakeContext(settings=settings_of("http://127.0.0.1:9")) as context:
            (platform,) = register_platforms(context)
            (again,) = register_platforms(context)
            routes = list(register_routes(context))
            assert platform is again
            assert ("POST", "/messages", "verified") in [
                (route.method, route.path, route.access.kind) for route in routes
            ]
        async with FakeContext(settings=settings_of("http://127.0.0.1:9")) as context:
            (other,) = register_platforms(context)
            assert other is not platform


class TestTakingPart:
    async def test_reactions(self, open_chat: Make) -> None:
        async with open_chat() as chat:
            liked = [{"type": "like"}]
            await chat.send("messageReaction", reactionsAdded=liked, replyToId="17", conversation=CHANNEL)
            await chat.send("messageReaction", reactionsRemoved=liked, replyToId="17", conversation=CHANNEL, id="2")
            await chat.send("messageReaction", reactionsAdded=liked, replyToId="17", id="3")
            expected = Participation(actor=actor(ANA), place=TEAMS_PLACE, kind="reacted", started=AT)
            assert chat.got("participated") == [(expected,)]

    async def test_meetings(self, open_chat: Make) -> None:
        def event(name: str, minute: int, **value: Any) -> dict[str, Any]:
            at = f"2026-01-05T09:{minute:02}:00Z"
            return {"name": EVENT + name, "id": f"{name}{minute}", "timestamp": at, "value": value}

        def members(*users: dict[str, Any]) -> list[dict[str, Any]]:
            return [{"user": {"id": "29:x", **user}, "meeting": {"inMeeting": True}} for user in users]

        begun = {
            "Id": "m",
            "MeetingType": "Scheduled",
            "JoinUrl": "https://teams.microsoft.com/l/meetup-join/x",
            "Title": "Weekly",
            "StartTime": "2026-01-05T09:00:00Z",
        }
        ended = {**begun, "EndTime": "2026-01-05T09:30:00Z"}
        del ended["StartTime"]
        others = members({"aadObjectId": BEN, "tenantId": APP}, {"name": "Guest"})
        async with open_chat() as chat:
            for parts in (
                event("Start", 0, **begun),
                event("ParticipantJoin", 5, members=[*members({"aadObjectId": BEN, "tenantId": TENANT}), *others]),
                event("ParticipantLeave", 20, members=members({"aadObjectId": BEN})),
                event("End", 30, **ended),
                event("End", 30, **ended),
            ):
                await chat.send("event", conversation=CHAT, **parts)
            assert [what for what, _ in chat.said.places] == ["meeting"]
            facts = [fact for batch in chat.got("participated") for fact in batch]
            minutes = [
                (fact.actor.user, fact.started.minute, None if fact.ended is None else fact.ended.minute)
                for fact in facts
            ]
            assert minutes == [(ANA, 0, None), (BEN, 5, None), (BEN, 5, 20), (ANA, 0, 30)]
            assert {fact.place for fact in facts} == {MEETING_PLACE}
            assert not [key for key in chat.context.store.values if key.startswith("present:")]


async def test_calls_that_we_do_not_take_are_refused(open_chat: Make) -> None:
    async with open_chat() as chat:
        headers = CIMultiDict({"Authorization": f"Bearer {chat.issuer.token()}"})
        activity = chat.make("invoke", serviceUrl=f"{chat.issuer.url}/connector/", name="task/fetch", value={})
        request: Any = chat.arrived(headers, json.dumps(activity).encode())
        assert (await chat.messages.take(request)).status == 400
