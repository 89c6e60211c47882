"""A candle in a private chat: two steps through buttons, nothing before the second, and none through a stored way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tertulia.capabilities import Command
from tertulia.domain.people import Actor, Place
from tertulia.domain.prompts import Prompt, Reply
from tertulia.services import people
from tertulia.services.inbox import InstallationInbox
from tertulia.storage import tables
from tertulia.surveys.candle import life, lines, reading

OpenStation = Callable[[], Any]
HERE = Place(platform="toy", ref="carried", kind="channel")


@pytest.fixture
def database_url(empty_database: Path, tmp_path: Path) -> str:
    """Be SQLite: the kind of database does not matter to a chat."""
    shutil.copy(empty_database, tmp_path / "tertulia.db")
    return f"sqlite:///{tmp_path / 'tertulia.db'}"


def actor(name: str) -> Actor:
    return Actor(platform="toy", realm="realm", user=name)


def said(reply: Reply) -> str:
    shown = reply.prompt
    return (
        f"{shown.title} {shown.body.plain()} {shown.recorded}" if shown else reply.text.plain() if reply.text else ""
    )


async def furnish(station: Any) -> dict[str, str]:
    """Add a member and two responders with keys; return their phrases."""
    await station.person("ana")
    phrases = {}
    for name in ("rosa", "dan"):
        whose = (station.organization, station.workspace, await station.person(name))
        async with station.database.write() as tx:
            await people.grant(station.runtime, tx, *whose, "responder", actor="test")
            phrases[name] = await life.renew_key(station.runtime, tx, station.organization, station.persons[name])
        station.clock.advance(timedelta(seconds=1))
    return phrases


def inbox(station: Any) -> InstallationInbox:
    inbox_: InstallationInbox = station.live.context.inbox
    return inbox_


async def say(station: Any, name: str, place: Place | None = None) -> Reply:
    command = Command(name="candle", args=(), actor=actor(name), place=place, reply_to="chat")
    return await inbox(station).command(command, "event")


async def press(station: Any, prompt: Prompt, label: str, name: str = "ana", **values: Any) -> Reply:
    token = next(action.token for action in prompt.actions if action.label.startswith(label))
    return await inbox(station).answered(token, actor(name), values, "press", None)


async def test_two_steps_light_it_and_a_third_takes_it_back(open_station: OpenStation) -> None:
    async with open_station() as station:
        phrases = await furnish(station)
        before = await _written(station)
        first = await say(station, "ana")
        assert first.prompt is not None
        assert [field.key for field in first.prompt.fields][:2] == ["responder", "way"]
        names = [option.label for option in first.prompt.fields[0].options]
        assert sorted(names) == ["dan", "rosa"]
        wished = {"responder": station.persons["rosa"], "way": "call", "number": "+34 1", "pass_on": True}
        second = await press(station, first.prompt, "Go on", **wished)
        assert "This sends your name to rosa; your answers stay separate; nobody else is told." in said(second)
        assert "dan gets it too" in said(second)
        assert await _written(station) == before  # nothing is kept before the second step
        assert second.prompt is not None
        third = await press(station, second.prompt, "Send my name to rosa")
        assert third.prompt is not None
        assert "not a service for emergencies" in said(third)
        assert (await press(station, second.prompt, "Send my name to rosa")).status == "taken"
        (row,) = await station.rows(tables.candle)
        assert row["reference"] in said(third)
        async with station.database.write() as tx:
            whose = (station.organization, station.workspace, station.persons["rosa"], phrases["rosa"])
            (opened,) = await reading.open_all(station.runtime, tx, *whose)
        assert (opened.name, opened.wishes.way, opened.wishes.number) == ("ana", "call", "+34 1")
        await press(station, third.prompt, "Take it back")
        assert (await station.rows(tables.candle))[0]["state"] == "withdrawn"


async def _written(station: Any) -> dict[str, Any]:
    touched = (tables.candle, tables.outbox, tables.seen, tables.audit, tables.inbox)
    return {table.name: await station.rows(table) for table in touched}


async def test_changing_one_s_mind_keeps_nothing(open_station: OpenStation) -> None:
    async with open_station() as station:
        await furnish(station)
        first = await say(station, "ana")
        assert first.prompt is not None
        second = await press(station, first.prompt, "Go on", responder=station.persons["dan"])
        assert second.prompt is not None
        assert "Nothing was sent" in said(await press(station, second.prompt, "Not now"))
        assert await station.rows(tables.candle) == []


async def test_the_alert_is_sent_without_a_word_of_it(open_station: OpenStation) -> None:
    async with open_station() as station:
        await furnish(station)
        first = await say(station, "ana")
        assert first.prompt is not None
        second = await press(station, first.prompt, "Go on", responder=station.persons["dan"], pass_on=False)
        assert second.prompt is not None
        await press(station, second.prompt, "Send my name to dan")
        await station.deliver()
        (call,) = station.toy.survey.sent
        assert call.to.ref == station.persons["dan"]
        for word in ("ana", "candle", "care for"):
            assert word not in f"{call.prompt.title} {call.prompt.body.plain()} {call.prompt.recorded}"


async def test_others_buttons_old_buttons_and_made_up_values_are_refused(open_station: OpenStation) -> None:
    async with open_station() as station:
        await furnish(station)
        await station.person("eve")
        first = await say(station, "ana")
        assert first.prompt is not None
        assert (await press(station, first.prompt, "Go on", name="eve")).status == "refused"
        wrong = await press(station, first.prompt, "Go on", responder=station.persons["eve"])
        assert (wrong.status, said(wrong)) == ("refused", "Choose one of the people in the list.")
        assert (await press(station, first.prompt, "Go on", way="pigeon")).status == "refused"
        second = await press(station, first.prompt, "Go on", responder=station.persons["dan"])
        station.clock.advance(timedelta(hours=1))
        assert second.prompt is not None
        assert (await press(station, second.prompt, "Send my name")).status == "closed"
        assert await station.rows(tables.candle) == []


async def test_what_came_through_a_stored_way_is_pointed_to_the_page(open_station: OpenStation) -> None:
    async with open_station() as station:
        await furnish(station)
        await station.place("carried")
        fact = {"type": "command", "name": "candle", "who": "ana"}
        await station.send("e1", fact)
        await station.process()
        await station.deliver()
        (call,) = station.toy.replies.sent
        reply = call.reply
        assert "/my/candle" in said(reply)
        assert reply.private
        first = await say(station, "ana")
        assert first.prompt is not None
        token = first.prompt.actions[0].token
        late = await inbox(station).answered_later(token, actor("ana"), {}, "k", None)
        assert (late.prompt, "/my/candle" in said(late)) == (None, True)
        assert await station.rows(tables.candle) == []


async def test_where_nobody_can_receive_one_the_numbers_are_told(open_station: OpenStation) -> None:
    async with open_station() as station:
        await station.person("ana")
        async with station.database.write() as tx:
            number = {"country": "es", "label": "Emergency", "number": "112", "actor": "test"}
            await lines.add(station.runtime, tx, station.organization, station.workspace, **number)
        reply = await say(station, "ana")
        assert reply.status == "refused"
        assert "ES: Emergency: 112" in said(reply)
