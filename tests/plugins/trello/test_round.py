"""A whole round through the real core: a card and a personal link, one digest, and everybody counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

from tertulia.storage import tables


async def test_a_round_is_lived_on_a_card_and_by_mail(open_village: Any, database_url: str, tmp_path: Path) -> None:
    async with open_village(database_url, tmp_path) as place:
        core, town = place.core, place.town
        await core.until(lambda: town.webhooks)
        core.clock.advance(timedelta(hours=1, seconds=1))
        card = await place.card()
        await core.until(lambda: len(place.mailbox.messages()) == len(place.people))
        shown = town.cards[card]["desc"]
        assert "Answer with a comment" in shown
        assert core.runtime.config.public_url not in shown
        for name in place.people:
            await place.link(name, card)

        # two answer by comment, one by mail, one by both
        first = town.comment(place.accounts["Ana"], card, "The lake at six in the morning.")
        town.comment(place.accounts["Ben"], card, "My grandmother's *kitchen* @everyone https://evil.example")
        await place.answer_by_web("Carla", "A train station.")
        await place.answer_by_web("Dora", "By mail first.")
        town.comment(place.accounts["Dora"], card, "And on the card, too.")

        async def kept() -> bool:
            return {row.person_id for row in await place.responses()} == set(place.people.values())

        await core.until(kept)
        await core.until(lambda: len([one for one in town.reactions if one >= first]) >= 3)
        (current,) = [row for row in await core.rounds(place.home) if row.state == "open"]
        assert (await core.progress(place.home, current.id)).answered == len(place.people)

        town.edit_comment(first, "The lake at seven.")
        values = []

        async def changed() -> bool:
            values[:] = [row._mapping["values"]["answer"] for row in await place.responses()]
            return "The lake at seven." in values

        await core.until(changed)
        town.comment(place.accounts["Ben"], card, "Nice one!")
        await place.server.quiet()
        assert len(values) == len(place.people)

        core.clock.advance(timedelta(hours=5))
        await core.until(lambda: town.cards[card]["closed"])
        said = [one["data"]["text"] for one in town.card_actions(card) if one["type"] == "commentCard"]
        summary = said[-1]
        assert "4 people answered" in summary
        assert all(name in summary for name in place.people)
        assert "Nice one!" not in summary
        assert "@everyone" not in summary
        assert "https://evil" not in summary
        assert [one for one in said if one.startswith("**Two")] == [summary]

        async def forgotten() -> bool:
            return not [key async for key, _ in place.live.context.store.scan("card:")]

        await core.until(forgotten)


async def test_commands_are_answered_without_telling_anything(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        core, town = place.core, place.town
        core.clock.advance(timedelta(hours=1, seconds=1))
        card = await place.card()
        await core.until(lambda: town.webhooks)

        def said() -> list[str]:
            mine = [one for one in town.card_actions(card) if one["idMemberCreator"] == town.own]
            return [one["data"]["text"] for one in mine if one["type"] == "commentCard"]

        async def ask(name: str, text: str) -> str:
            before = len(said())
            town.comment(place.accounts[name], card, text)
            await core.until(lambda: len(said()) > before)
            return said()[-1]

        assert "icebreaker" in await ask("Ana", "@tertulia help")
        assert "link code" in await ask("Ana", "@tertulia snooze 3 days")
        await place.link("Ana", card)
        await place.link("Ben", card)
        pointer = await ask("Ana", "@tertulia candle")
        assert "/my" in pointer
        assert "candle" not in pointer
        assert "/my" in await ask("Ana", "@tertulia icebreaker")
        assert "could not" in await ask("Ana", "@tertulia wibble")
        assert "could not" in await ask("Ana", "@tertulia kudos @ben for the soup")
        before = len(town.reactions)
        town.comment(place.accounts["Ana"], card, "@tertulia snooze 3 days")
        await core.until(lambda: len(town.reactions) > before)

        async with core.runtime.database.read() as tx:
            ties = list(await tx.execute(sa.select(tables.interaction)))
            inbox = list(await tx.execute(sa.select(tables.inbox.c.state, tables.inbox.c.sealed)))
        # nothing is thanked where no practice is for it, but somebody was mentioned
        assert [(tie.kind, tie.weight) for tie in ties] == [("mention", 1.0)]
        assert {row.state for row in inbox} == {"done"}
        assert {row.sealed for row in inbox} == {None}
        assert not await place.responses()


async def test_what_people_do_to_a_card_is_respected(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        core, town = place.core, place.town
        core.clock.advance(timedelta(hours=1, seconds=1))
        card = await place.card()
        await place.link("Ana", card)
        town.comment(place.accounts["Ana"], card, "pass")

        async def passed() -> bool:
            return [row.passed for row in await place.responses()] == [True]

        await core.until(passed)
        await place.answer_by_web("Carla", "A station.")
        town.delete(place.accounts["Ben"], card)
        core.clock.advance(timedelta(hours=5))

        async def closed() -> bool:
            return any(row.state == "closed" for row in await core.rounds(place.home))

        await core.until(closed)
        await asyncio.sleep(0.3)
        assert card not in town.cards
        assert not place.server.carried_out("PUT", card)


async def test_the_webhooks_go_with_the_plugin(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        core, town = place.core, place.town
        await core.until(lambda: town.webhooks)
        (hook,) = town.webhooks.values()
        assert hook["callbackURL"].startswith(f"{core.runtime.config.public_url}/hooks/trello/")
        await core.disable(place.home, place.live)
        assert not town.webhooks
        async with aiohttp.ClientSession() as http, http.head(hook["callbackURL"]) as answer:
            assert answer.status == 404
