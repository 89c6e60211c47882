"""Sharing lived over a week: what is asked, what a place shows, and that what is taken back is gone there too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.delivery import outbox
from tertulia.domain.markup import Bullets
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Shared, Tally
from tertulia.rituals.sharing import Options, Sharing
from tertulia.rituals.sharing_themes import ABOUTS, BANKS
from tertulia.services import preferences, taking_back
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "songs"
kind = "sharing"
title = "Playlist of the week"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "2d"
reminders = ["1d"]
options = { about = "playlist", keep_days = 30 }
"""
KIND = Sharing()
SONG = {"link": "https://youtu.be/dQw4w9WgXcQ?si=somebody", "title": "A slow one", "why": "It rains."}


def content(turn: int = 0, **options: Any) -> Any:
    request = RoundRequest(
        practice="p", options=Options(**options), occurrence="2026-11-23T09:30:00", group_size=5, seed=1, turn=turn
    )
    return KIND.prepare(request).content


async def test_a_playlist_is_collected_shown_and_taken_back(open_town: OpenTown, square: Callable[..., Any]) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM)
        zones = {"Ana": "Europe/Madrid", "Ben": "Asia/Tokyo", "Cleo": "America/Bogota", "Dov": "Europe/Madrid"}
        for name, zone in zones.items():
            await town.add(name, zone=zone)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Dov"], "songs")
        await town.live(MONDAY + timedelta(hours=16))
        assert [len(town.letters(name)) for name in zones] == [1, 1, 1, 0]
        first = town.letters("Ana")[0]
        assert first.link is not None
        assert "until 23 December 2026" in first.recorded
        assert (await town.answer("Ana", SONG)).status == "taken"
        assert (await town.answer("Ben", {**SONG, "link": "https://example.org/x"})).status == "refused"
        assert (await town.answer("Ben", {**SONG, "title": "Another", "why": ""})).status == "taken"
        await town.answer("Cleo", verb="pass")
        await town.live(MONDAY + timedelta(days=4))
        shown = place.ritual.sent[-1]
        lines = bullets(shown.prompt)
        assert lines == ["Ana: A slow one (https://youtu.be/dQw4w9WgXcQ) · It rains.", *lines[1:]]
        assert lines[1].startswith("Ben: Another")
        assert "Cleo" not in shown.prompt.body.plain()
        (closed,) = [row for row in await town.rounds() if row["state"] == "closed"]
        assert closed["summary"]["figures"] == {"invited": 3, "answered": 2, "passed": 1}
        assert len(await town.rows(tables.participation)) == 2
        for name, left in (("Ana", ["Ben"]), ("Ben", [])):
            async with town.runtime.database.write() as tx:
                whose = (town.organization, town.people[name])
                await taking_back.take_back(town.runtime, tx, *whose, closed["id"])
            await outbox.Sender(town.runtime).drain()
            changed = place.ritual.sent[-1]
            assert (changed.method, changed.place) == ("refresh", None)
            assert [line.partition(":")[0] for line in bullets(changed.prompt)] == left
        assert "taken back" in changed.prompt.body.plain()
        assert [row["values"] for row in await town.rows(tables.response)] == [{}, {}, {}]


def bullets(prompt: Any) -> list[str]:
    plain = [block for block in prompt.body.blocks if isinstance(block, Bullets)]
    return [
        "".join(f"{span.text} ({span.link})" if span.link else span.text for span in item)
        for block in plain
        for item in block.items
    ]


async def test_what_is_taken_back_while_open_is_a_pass_and_asks_nobody_again(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        await town.add("Ana")
        await town.live(MONDAY + timedelta(hours=10))
        await town.answer("Ana", SONG)
        assert len(await town.rows(tables.participation)) == 1
        (open_,) = [row for row in await town.rounds() if row["state"] == "open"]
        for _ in range(2):
            async with town.runtime.database.write() as tx:
                await taking_back.take_back(town.runtime, tx, town.organization, town.people["Ana"], open_["id"])
        assert await town.rows(tables.participation) == []
        await town.live(MONDAY + timedelta(days=3))
        assert len(town.letters("Ana")) == 1
        assert (await town.rows(tables.response))[0]["passed"]


def test_themes_go_round_and_own_ones_replace_ours() -> None:
    bank = BANKS["photos"]
    assert len(set(bank)) == len(bank) >= 24
    assert [content(turn)["theme"] for turn in range(len(bank) + 1)] == [*bank, bank[0]]
    assert content(3, themes=("Hats", "Shoes"))["theme"] == "Shoes"
    assert content(about="pets")["theme"] is None
    assert content(keep_days=7)["keep_until"] == "2026-11-30"


@pytest.mark.parametrize("about", ABOUTS)
@pytest.mark.parametrize("visibility", ["team", "workspace"])
def test_everything_says_what_is_kept_and_can_be_told_in_words(about: str, visibility: str) -> None:
    given = content(about=about, visibility=visibility)
    draft = KIND.prompt(given, "en")
    assert draft.visibility == visibility
    assert "take it back at any time" in draft.recorded
    assert {action.verb for action in draft.actions} == {"answer", "pass"}
    assert KIND.exhibition(given).pictures is (about != "playlist")
    with pytest.raises(Mistake):
        KIND.accept(given, "answer", {})
    if about != "playlist":
        kept = KIND.accept(given, "answer", KIND.with_picture(given, {}, "A cat")).values
        assert KIND.exhibit(given, kept).words == "A cat"


def test_a_place_shows_a_dozen_and_no_long_texts() -> None:
    given = content(about="recipes")
    shared = [Shared(values={"title": f"Dish {n}", "words": "x" * 2000}, name=f"N{n:02}") for n in range(15)]
    draft = KIND.summary(given, shared, Tally(invited=20, answered=15, passed=0), "en")
    assert draft is not None
    assert draft.body.plain().count("Dish") == 12
    assert "And 3 more." in draft.body.plain()
    assert len(draft.body.plain()) < 5000
    assert KIND.summary(given, [], Tally(invited=20, answered=0, passed=3), "en") is None
