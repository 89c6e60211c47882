"""A candle by webhook: answered in the request with the way to one's page, and never stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tertulia.storage import tables

ASKED = {"type": "command", "name": "candle", "who": "ana"}


async def test_the_word_for_a_candle_is_answered_and_not_stored(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.person("ana")
        for _ in range(2):
            await station.send("e1", ASKED)
        assert await station.rows(tables.inbox) == []
        assert await station.process() == 0
        await station.deliver()
        (reply,) = [call.reply for call in station.toy.replies.sent]
        assert "/my/candle" in str(reply.text)
        assert reply.private


async def test_others_are_kept_though_they_say_the_word(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.person("ana")
        await station.send("e2", {"type": "command", "name": "kudos", "who": "ana", "args": ["for the candle"]})
        assert len(await station.rows(tables.inbox)) == 1
        await station.send("candle", {"type": "nobody knows this"})
        assert len(await station.rows(tables.inbox)) == 2
