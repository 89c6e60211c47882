"""A candle lit in Teams, with the real core and the stand-in: two presses, and an alert that says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import tertulia_teams
from tertulia.services import people
from tertulia.storage import tables
from tertulia.surveys.candle import life, reading
from tertulia.testing.world import world
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Message, Person


def content(message: Message) -> dict[str, Any]:
    return dict(message.activity["attachments"][0]["content"])


def button(message: Message, verb: str) -> dict[str, Any]:
    (found,) = [action for action in content(message)["actions"] if action.get("verb") == verb]
    return dict(found)


def inputs(message: Message, **wanted: str) -> dict[str, str]:
    """Fill the card in as it stands, but for what is *wanted*."""
    shown = [one for one in content(message)["body"] if one["type"].startswith("Input.")]
    given = {one["id"]: str(one.get("value", "")) for one in shown}
    return {key: next((value for name, value in wanted.items() if key.endswith(name)), given[key]) for key in given}


async def test_two_presses_in_one_s_own_chat(tmp_path: Path) -> None:
    async with (
        StandIn() as stand_in,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
    ):
        home = await core.workspace("Home", domains=["example.org"])
        staff: dict[str, Person] = {}
        ids: dict[str, str] = {}
        for name in ("Ana", "Rosa"):
            staff[name] = stand_in.tenant.add_person(name, f"{name.lower()}@example.org")
            ids[name] = await core.person(home, name, email=staff[name].mail)
        await core.enable(home, "teams", stand_in.settings())

        async def known() -> bool:
            return await core.reachable(home, "teams") == 2

        await core.until(known)
        for person in staff.values():
            await stand_in.install(person)
        async with core.runtime.database.write() as tx:
            whose = (home.organization, home.workspace, ids["Rosa"])
            await people.grant(core.runtime, tx, *whose, "responder", actor="test")
            phrase = await life.renew_key(core.runtime, tx, home.organization, ids["Rosa"])

        ana, chat = staff["Ana"], stand_in.tenant.chat(staff["Ana"])
        await stand_in.say(ana, chat, "candle")

        def asked() -> list[Message]:
            shown = [one for one in stand_in.cards(ana) if one.activity.get("attachments")]
            return [one for one in shown if "candle-choose" in json.dumps(one.activity)]

        await core.until(asked)
        (card,) = asked()
        await stand_in.press(ana, chat, card, button(card, "candle-choose"), inputs(card, responder=ids["Rosa"]))
        assert "your answers stay separate; nobody else is told." in json.dumps(content(card), ensure_ascii=False)
        async with core.runtime.database.read() as tx:
            assert (await tx.execute(sa.select(tables.candle))).first() is None
        await stand_in.press(ana, chat, card, button(card, "candle-send"))
        async with core.runtime.database.read() as tx:
            row = (await tx.execute(sa.select(tables.candle))).one()
        assert row.reference in json.dumps(content(card))

        def told() -> list[str]:
            return [
                json.dumps(one.activity)
                for one in stand_in.cards(staff["Rosa"])
                if row.reference in json.dumps(one.activity)
            ]

        await core.until(told)
        (alert,) = told()
        assert "Ana" not in alert
        assert "andle" not in alert
        async with core.runtime.database.write() as tx:
            (opened,) = await reading.open_all(core.runtime, tx, *whose, phrase)
        assert opened.name == "Ana"
        assert not [turn for turn in stand_in.sent if turn.status >= 400]
