"""A whole round inside Teams, with the real core and the stand-in; all that is exchanged fits its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema
import pytest
import sqlalchemy as sa
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

import tertulia_teams
from tertulia.storage import tables
from tertulia.storage.ties import end
from tertulia.testing.context import EPOCH
from tertulia.testing.world import Home, World, world
from tertulia_teams.stand_in.server import Arrival, StandIn
from tertulia_teams.stand_in.tenant import Conversation, Message, Person

Contract = Callable[[str], Any]
NO_CONTRACT = ("/v1/meetings/", "/v3/teams/")
"""What the connector serves and no published document describes."""

PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
ask = "both"
places = ["teams:{channel}", {{ platform = "teams", ref = "{meeting}", kind = "meeting" }}]
open_for = "6h"
reminders = ["2h"]
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
[practice.options]
ask = "life"
visibility = "workspace"
"""


def button(message: Message, verb: str) -> dict[str, Any]:
    content = message.activity["attachments"][0]["content"]
    (found,) = [action for action in content.get("actions", ()) if action.get("verb") == verb]
    return dict(found)


def first_inputs(message: Message) -> dict[str, str]:
    """Fill the card in: the first choice of each choice, a word for each text."""
    given = {}
    for element in message.activity["attachments"][0]["content"]["body"]:
        if element["type"] == "Input.ChoiceSet":
            given[element["id"]] = element["choices"][0]["value"]
        elif element["type"] == "Input.Text":
            given[element["id"]] = "All well"
    return given


def cards_of(stand_in: StandIn, person: Person, title: str = "How is your day going?") -> list[Message]:
    """Return the questions in a person's chat, without greetings and replies."""
    return [
        one
        for one in stand_in.cards(person)
        if any(
            title in str(part.get("text")) for part in one.activity["attachments"][0]["content"]["body"]
        )
    ]  # fmt: skip


def check(arrival: Arrival, openapi: OpenAPI, base: str) -> str | None:
    """Return what is wrong with a request or its answer, `None` where both fit the contract."""
    parts = urlsplit(arrival.path)
    request = MockRequest(
        base,
        arrival.method.lower(),
        parts.path,
        args=dict(parse_qsl(parts.query)),
        data=arrival.body or None,
        content_type=arrival.content_type,
    )
    try:
        openapi.validate_request(request)
        if arrival.carried_out:
            openapi.validate_response(request, MockResponse(arrival.answer, arrival.status))
    except Exception as error:
        return f"{arrival.method} {arrival.path}: {error!r} {error.__cause__!r}"
    return None


def faults(stand_in: StandIn, contract: Contract) -> list[str]:
    """Return everything that was said over HTTP and does not fit its contract."""
    found = []
    for api, prefix, name in (
        ("connector", "/connector", "teams/botframework-channel.openapi3.json"),
        ("graph", "/graph/v1.0", "graph/graph-v1.0-2026-08-subset.openapi3.json"),
    ):
        spec = {**contract(name), "servers": [{"url": stand_in.url + prefix}]}
        openapi = OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))
        known = [one for one in stand_in.journal if one.api == api]
        assert known, f"nothing was asked of the {api}"
        plain = [one for one in known if not one.path.startswith(tuple(prefix + path for path in NO_CONTRACT))]
        found += [fault for one in plain if (fault := check(one, openapi, stand_in.url))]
    text = json.dumps(contract("teams/microsoft-teams-api-2.1.1.activity.schema.json"))
    # an entity of a known kind fits the unknown kind too, and `oneOf` takes that for a fault
    schema = jsonschema.Draft202012Validator(json.loads(text.replace(', {"$ref": "#/$defs/UnknownEntity"}', "")))
    for turn in stand_in.sent:
        found += [f"{turn.activity['type']}: {error.message[:300]}" for error in schema.iter_errors(turn.activity)]
    return found


class Town:
    """Five people with accounts, of whom one does not have the app, in a team with a channel and a meeting."""

    def __init__(self, stand_in: StandIn):
        tenant = stand_in.tenant
        self.people = [tenant.add_person(f"Person {n}", f"p{n}@example.org") for n in range(5)]
        (self.channel,) = tenant.add_team("Crew", ["General"], self.people)
        self.meeting = tenant.add_meeting("Weekly", self.people[0], self.people)

    async def settle(self, stand_in: StandIn, core: World) -> Home:
        home = await core.workspace("Home", domains=["example.org"])
        for person in self.people:
            await core.person(home, person.name, email=person.mail)
        await core.enable(home, "teams", stand_in.settings())

        async def known() -> bool:
            return await core.reachable(home, "teams") == len(self.people)

        await core.until(known)
        await stand_in.install_in(self.channel, self.people[0])
        for person in self.people[:4]:
            await stand_in.install(person)
        await core.apply(home, PROGRAM.format(channel=self.channel.id, meeting=self.meeting.chat))
        return home


def ask_cards(stand_in: StandIn, people: list[Person]) -> list[int]:
    return [len(cards_of(stand_in, person)) for person in people]


@pytest.mark.parametrize("older", [False, True])
async def test_a_whole_round_inside_teams(tmp_path: Path, contract: Contract, older: bool) -> None:
    async with (
        StandIn() as stand_in,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
    ):
        town = Town(stand_in)
        stand_in.writer.now = core.clock.now
        home = await town.settle(stand_in, core)
        ana, ben, cyd, dee, eve = people = town.people
        await stand_in.say(dee, stand_in.tenant.chat(dee), "stop check-in")

        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: ask_cards(stand_in, people) == [1, 1, 1, 0, 1])
        assert eve.has_app, "the app was installed for who did not have it"
        await core.until(lambda: len(posted(stand_in, town.channel)) == 1)

        card = cards_of(stand_in, ana)[0]
        asked = json.dumps(card.activity)
        turn = await stand_in.press(
            ana, stand_in.tenant.chat(ana), card, button(card, "answer"), first_inputs(card), older=older
        )
        assert turn.status == 200
        await core.until(lambda: card.versions == 2)
        assert json.dumps(card.activity) != asked
        shared = posted(stand_in, town.channel)[0]
        turn = await stand_in.press(ben, town.channel, shared, button(shared, "answer"), first_inputs(shared))
        assert turn.status == 200

        for said in (
            stand_in.say(cyd, town.channel, f"Like @{ana.name}", [ana], thread=shared.id, addressed=False),
            stand_in.say(ben, town.channel, "Coffee?", addressed=False),
            stand_in.react(eve, town.channel, shared),
        ):
            assert (await said).status == 200
        question = next(reversed(town.channel.messages))
        assert (await stand_in.say(eve, town.channel, "Yes", thread=question, addressed=False)).status == 200
        round_id = await open_round(core, home)
        assert await took_part(core, round_id) == {
            (ben.id, "commented"),
            (cyd.id, "commented"),
            (eve.id, "reacted"),
            (eve.id, "commented"),
        }
        assert await tied(core) == {("mention", cyd.id, ana.id, 1.0), ("reply", eve.id, ben.id, 1.0)}
        assert (await core.progress(home, round_id)).answered == 2
        await stand_in.meet(town.meeting, [ana, cyd], EPOCH + timedelta(hours=1), EPOCH + timedelta(hours=2))

        assert await attended(core) == {(ana.id, True), (cyd.id, True)}
        core.clock.advance(timedelta(hours=2))
        # who answered, in whichever place, and who opted out are left alone
        await core.until(lambda: ask_cards(stand_in, people) == [1, 1, 2, 0, 2])

        core.clock.advance(timedelta(hours=4))
        await core.until(lambda: len(threads(town.channel)) == 1)
        assert "2" in json.dumps(threads(town.channel)[0].activity)
        assert ask_cards(stand_in, people) == [1, 1, 2, 0, 2]
        assert not [turn for turn in stand_in.sent if turn.status >= 400]
        assert faults(stand_in, contract) == []


async def open_round(core: World, home: Home) -> str:
    (row,) = [row for row in await core.rounds(home) if row.state == "open"]
    return str(row.id)


async def took_part(core: World, round_id: str) -> set[tuple[str, str]]:
    """Return who is recorded to have taken part in a round, and how."""
    fact, account = tables.participation, tables.identity
    query = sa.select(account.c.user, fact.c.kind).join(account, account.c.id == fact.c.identity_id)
    async with core.runtime.database.read() as tx:
        return {(row[0], row[1]) for row in await tx.execute(query.where(fact.c.round_id == round_id))}


async def tied(core: World) -> set[tuple[str, str, str, float]]:
    """Return what is kept of ties: kind, from whom to whom, and the weight."""
    tie, account = tables.interaction, tables.identity
    async with core.runtime.database.read() as tx:
        people = {row[0]: row[1] for row in await tx.execute(sa.select(account.c.person_id, account.c.user))}
        rows = (await tx.execute(sa.select(tie))).all()
        organizations = {row.organization_id for row in rows}
    vault = core.runtime.vault
    known = {end(vault, one, person): user for one in organizations for person, user in people.items() if person}
    return {(row.kind, known[row.source_id], known[row.target_id], row.weight) for row in rows}


async def attended(core: World) -> set[tuple[str, bool]]:
    """Return who is recorded to have attended, and whether until an end."""
    fact, account = tables.participation, tables.identity
    query = sa.select(account.c.user, fact.c.ended_at).join(account, account.c.id == fact.c.identity_id)
    async with core.runtime.database.read() as tx:
        return {(row[0], row[1] is not None) for row in await tx.execute(query.where(fact.c.kind == "attended"))}


def posted(stand_in: StandIn, channel: Conversation) -> list[Message]:
    return [one for one in stand_in.shown(channel) if not one.thread and "actions" in json.dumps(one.activity)]


def threads(channel: Conversation) -> list[Message]:
    return [one for one in channel.messages.values() if one.thread and one.sender is None]


def test_the_contract_check_finds_faults(contract: Contract) -> None:
    spec = {
        **contract("teams/botframework-channel.openapi3.json"),
        "servers": [{"url": "http://127.0.0.1:1/connector"}],
    }
    openapi = OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))
    good = Arrival(
        0.0, "connector", "POST", "/connector/v3/conversations/a/activities", "a", 201, True, "application/json",
        b'{"type": "message"}', b'{"id": "1"}',
    )  # fmt: skip
    assert check(good, openapi, "http://127.0.0.1:1") is None
    bad = Arrival(*[b'{"attachments": "no"}' if field == "body" else getattr(good, field) for field in FIELDS])
    assert check(bad, openapi, "http://127.0.0.1:1") is not None
    elsewhere = Arrival(*["/connector/v3/nothing" if field == "path" else getattr(good, field) for field in FIELDS])
    assert check(elsewhere, openapi, "http://127.0.0.1:1") is not None
    assert unquote("a%3A") == "a:"


FIELDS = tuple(Arrival.__dataclass_fields__)
