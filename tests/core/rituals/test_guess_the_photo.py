"""Guess the photo, played through: who is dealt what, who is told what, and that a photo taken back is gone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest
from tertulia.kinds import Gave, Outcome, Share
from tertulia.rituals import guess_the_photo
from tertulia.rituals.guess_the_photo import GUESS, GuessThePhoto, Options
from tertulia.services import gallery, my_data, people, pictures, preferences, retention, rounds, taking_back
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "game"
kind = "guess-the-photo"
title = "Game"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
"""
NAMES = ("Ana", "Ben", "Cleo", "Dora", "Emil", "Fay")
COLOURS = dict(zip(NAMES, ("red", "green", "blue", "white", "black", "yellow"), strict=True))
KIND = GuessThePhoto()


def window(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(out, "PNG")
    return out.getvalue()


async def put_in(town: Any, *names: str) -> str:
    """Let *names* put in a photo with their agreement; returns the round."""
    (open_,) = [row["id"] for row in await town.rounds() if row["state"] == "open"]
    for name in names:
        assert (await town.answer(name, {"photo": True, "consent": True})).status == "taken"
        async with town.runtime.database.write() as tx:
            round_ = await rounds.find(tx, open_)
            assert round_ is not None
            drawn = pictures.render(window(COLOURS[name]))
            await gallery.keep(town.runtime, tx, round_, town.people[name], drawn, f"It is {COLOURS[name]}", name)
    return str(open_)


async def seen(town: Any, name: str) -> dict[str, str]:
    """Return whose photos *name* is shown on the page now, by field: what is beside them says it in these tests."""
    found = {}
    whose = {f"It is {colour}": owner for owner, colour in COLOURS.items()}
    async with town.runtime.database.read() as tx:
        round_ = await rounds.find(tx, town.letters(name)[-1].id)
        assert round_ is not None
        shown = await gallery.unnamed(town.runtime, tx, round_, town.people[name])
        for key, one in shown.items():
            found[key] = whose[one.alt]
            body = await gallery.unnamed_picture(town.runtime, tx, round_, town.people[name], key, "small")
            with Image.open(io.BytesIO(body or b"")) as opened:
                assert opened.format == "JPEG"
    return found


def offered(prompt: Any) -> dict[str, dict[str, str]]:
    """Return the names to choose from, with what a choice sends, by field."""
    return {field.key: {option.label: option.value for option in field.options} for field in prompt.fields}


async def guess(town: Any, name: str, *, right: bool) -> None:
    names = offered(town.letters(name)[-1])
    values = {}
    for key, owner in (await seen(town, name)).items():
        wrong = next(value for label, value in names[key].items() if label != owner)
        values[key] = names[key][owner] if right else wrong
    assert (await town.answer(name, values)).status == "taken"


def told(town: Any, name: str) -> str:
    return str(town.letters(name)[-1].body.plain())


async def opt_out(town: Any, name: str) -> None:
    async with town.runtime.database.write() as tx:
        await preferences.opt_out(town.runtime, tx, town.organization, town.people[name], "game")


async def test_photos_are_guessed_and_told(open_town: OpenTown, square: Callable[..., Any]) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM)
        for name in (*NAMES, "Gil", "Hana"):
            await town.add(name)
        await opt_out(town, "Hana")
        await town.live(MONDAY + timedelta(hours=10))
        first = town.letters("Ana")[0]
        assert first.link is not None
        assert "Passes are counted, never named" in first.recorded
        assert "until 29 November 2026 at the latest" in first.recorded
        refused = await town.answer("Ana", {})
        assert "behind your personal link" in refused.text.plain()
        await put_in(town, *NAMES)
        await town.answer("Gil", verb="pass")
        await town.live(MONDAY + timedelta(hours=20))
        for name in NAMES:
            letter = town.letters(name)[-1]
            shown, names = await seen(town, name), offered(letter)
            assert sorted(shown.values()) == sorted(set(NAMES) - {name})
            assert shown.keys() == names.keys()
            for key, owner in shown.items():
                assert len(names[key]) == guess_the_photo.NAMES
                assert owner in names[key]
                assert name not in names[key]
            assert not any(town.people[other] in json.dumps(names) for other in NAMES), "no key tells who it is"
            assert letter.visibility == "me"
            assert "It is" not in str(letter), "what is seen on a photo leaves as little as the photo"
        for name in NAMES[:5]:
            await guess(town, name, right=name == "Ana")
        assert (await town.answer("Fay", verb="pass")).status == "taken"
        await town.live(MONDAY + timedelta(days=4))

        assert told(town, "Ana").count("You knew it.") == 5
        assert "Nobody knew more than you." in told(town, "Ana")
        assert told(town, "Ben").count("You thought of somebody else.") == 5
        assert "The most that anybody knew is 5." in told(town, "Ben")
        assert "1 of 5 knew yours." in told(town, "Fay")
        assert "knew yours" not in told(town, "Ben"), "four guessed it: too few to be told"
        assert "thought of" not in told(town, "Fay")
        assert "The most" not in told(town, "Fay")
        assert "was put in by Ana." in told(town, "Fay")
        assert [len(town.letters(name)) for name in ("Ana", "Fay", "Gil", "Hana")] == [3, 3, 1, 0]
        facts = await town.rows(tables.participation)
        assert {row["person_id"] for row in facts} == {town.people[name] for name in NAMES}
        scores = {row["person_id"]: row["score"] for row in await town.rows(tables.past_result)}
        assert scores == {town.people[name]: 1.0 if name == "Ana" else 0.0 for name in NAMES[:5]}
        guessed = [row for row in await town.rows(tables.response) if row["visibility"] == "me"]
        assert len(guessed) == 6
        assert [call.prompt.body.plain() for call in place.ritual.sent if "put in by" in str(call.prompt)] == []

        assert len(await town.rows(tables.gallery_picture)) == 12
        await town.live(MONDAY + timedelta(days=6))
        await retention.sweep(town.runtime, MONDAY + timedelta(days=8))
        assert await town.rows(tables.gallery_item) == []
        assert [row for row in await town.rows(tables.response) if row["values"].get("photo")] == []


async def gone(town: Any, name: str, how: str, round_id: str) -> None:
    whose = (town.organization, town.people[name])
    async with town.runtime.database.write() as tx:
        if how == "taken back":
            await taking_back.take_back(town.runtime, tx, *whose, round_id)
        elif how == "picture taken down":
            await gallery.take_down(tx, *whose, tables.gallery_item.c.person_id == town.people[name])
        elif how == "erased":
            await my_data.erase(town.runtime, tx, *whose, actor="test")
        elif how == "opted out":
            await preferences.opt_out(town.runtime, tx, *whose, "game")
        else:
            left = tables.membership.update().filter_by(person_id=town.people[name])
            await tx.execute(left.values(left_at=town.clock.now()))


@pytest.mark.parametrize("how", ["taken back", "picture taken down", "erased", "opted out", "left"])
async def test_a_photo_is_gone_with_its_owner_s_wish(open_town: OpenTown, how: str) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        for name in NAMES[:4]:
            await town.add(name)
        await town.live(MONDAY + timedelta(hours=10))
        open_ = await put_in(town, *NAMES[:4])
        await town.live(MONDAY + timedelta(hours=20))
        before = await seen(town, "Ana")
        await guess(town, "Ana", right=True)
        await guess(town, "Ben", right=True)
        await gone(town, "Ben", how, open_)
        assert await seen(town, "Ana") == {key: owner for key, owner in before.items() if owner != "Ben"}
        held = next(key for key, owner in before.items() if owner == "Ben")
        again = await town.answer("Ana", {held: "1"})
        assert again.status == "refused"
        await town.live(MONDAY + timedelta(days=4))
        assert "Ben" not in told(town, "Ana") + told(town, "Cleo")
        assert told(town, "Ana").count("You knew it.") == 2
        assert await seen(town, "Ana") == {key: owner for key, owner in before.items() if owner != "Ben"}


@pytest.mark.parametrize("players", [1, 2, 3])
async def test_with_few_photos_there_is_little_to_guess_and_nothing_to_count(
    open_town: OpenTown, players: int
) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        for name in NAMES[:4]:
            await town.add(name)
        await town.live(MONDAY + timedelta(hours=10))
        await put_in(town, *NAMES[:players])
        await town.live(MONDAY + timedelta(hours=20))
        if players == 3:
            assert sorted((await seen(town, "Ana")).values()) == ["Ben", "Cleo"]
            assert all(len(names) == 2 for names in offered(town.letters("Ana")[-1]).values())
            for name in NAMES[:3]:
                await guess(town, name, right=True)
            await town.live(MONDAY + timedelta(days=4))
            assert told(town, "Ana").count("You knew it.") == 2
            assert "knew yours" not in told(town, "Ana")
            assert "Nobody knew more" not in told(town, "Ana")
        else:
            assert "yours was shown to nobody" in told(town, "Ana")
            assert await seen(town, "Ana") == {}
        assert len(town.letters("Dora")) == 1


async def test_only_those_who_play_see_photos_and_nobody_in_the_gallery(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        for name in NAMES[:4]:
            await town.add(name)
        await town.live(MONDAY + timedelta(hours=10))
        await put_in(town, *NAMES[:3])
        async with town.runtime.database.read() as tx:
            for name in NAMES[:4]:
                found = await gallery.walls(town.runtime, tx, town.organization, town.people[name])
                assert [wall.pieces for wall in found] == [()]
                assert (found[0].mine is not None) is (name != "Dora")
        await town.live(MONDAY + timedelta(hours=20))
        game = town.letters("Ana")[-1].id
        async with town.runtime.database.write() as tx:
            stranger = await people.add_person(
                town.runtime, tx, town.organization, {"name": "Eve"}, workspace=None, actor="test"
            )
        async with town.runtime.database.read() as tx:
            round_ = await rounds.find(tx, game)
            assert round_ is not None
            for other in (town.people["Dora"], stranger):
                assert await gallery.unnamed(town.runtime, tx, round_, other) == {}
            mine = (town.runtime, tx, round_, town.people["Ana"])
            assert await gallery.unnamed_picture(*mine, "photo1", "full") is not None
            assert await gallery.unnamed_picture(*mine, "photo9", "full") is None


def test_no_photo_without_an_agreement_to_this_game() -> None:
    content = KIND.prepare(
        RoundRequest(practice="p", options=Options(), occurrence="2026-11-23T09:30:00", group_size=3, seed=1)
    ).content
    box = KIND.consent(content, "en")
    assert box.required
    assert "shown in this game, to those who put one in themselves, until 6 December 2026" in box.label
    for values in ({}, {"consent": True}, {"photo": True}, {"photo": True, "consent": False}):
        with pytest.raises(Mistake):
            KIND.accept(content, "answer", values)
    given = KIND.accept(content, "answer", KIND.with_picture(content, {"consent": True}, "A cat"))
    assert given.values == {"photo": True}
    assert not KIND.exhibition({**content, "stage": GUESS}).pictures


@pytest.mark.parametrize("many", [3, 7, 40])
def test_everybody_s_photo_is_dealt_as_often_and_never_to_its_owner(many: int) -> None:
    people_ = [f"p{number}" for number in range(many)]
    for seed in range(5):
        content = {"seed": seed, "guess_hours": 1, "until": "2026-12-01"}
        given = tuple(Gave(person=one, values={"photo": True}, passed=False) for one in people_)
        empty: dict[str, Any] = {"earlier": {}, "reserved": {}, "private": (), "teams": {}, "silent": {}}
        outcome = Outcome(
            stage="",
            opened_at=MONDAY,
            closed_at=MONDAY,
            invited=frozenset(people_),
            given=given,
            shares={},
            organisers=(),
            **empty,
        )
        (follow_up,) = KIND.conclude(content, outcome).follow_ups
        dealt = {one: [photo["of"] for photo in share.share["photos"]] for one, share in follow_up.shares.items()}
        each = min(guess_the_photo.AROUND, many - 1)
        assert all(len(set(owners)) == each and one not in owners for one, owners in dealt.items())
        assert all(sum(one in owners for owners in dealt.values()) == each for one in people_)
        for one, share in follow_up.shares.items():
            assert isinstance(share, Share)
            for photo in share.share["photos"]:
                names = photo["names"]
                assert photo["of"] in names
                assert one not in names
                assert len(set(names)) == len(names) == min(guess_the_photo.NAMES, many - 1)
