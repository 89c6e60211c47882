"""Discussions through real rounds: topics to summary, and questions without a name to answers for everybody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.capabilities import Command
from tertulia.domain.people import Actor
from tertulia.errors import Mistake, Refused
from tertulia.rituals.discussion import Discussion, Options
from tertulia.services import erasing, leadership, people, preferences
from tertulia.storage import tables
from tertulia.surveys.leadership import asking, passes

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
CADENCE = 'cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:00", time = "common", zone = "UTC" }'
OPEN = f"""
[[practice]]
key = "talk"
kind = "discussion"
title = "Let us talk"
places = ["square:plaza"]
open_for = "2d"
{CADENCE}
options = {{ topics = 1, vote_days = 1, discussion_days = 2 }}
"""
LEADERSHIP = f"""
[[practice]]
key = "ask"
kind = "discussion"
title = "Ask the leadership"
places = ["square:plaza"]
open_for = "2d"
{CADENCE}

[practice.options]
form = "leadership"
moderators = ["dov@example.org"]
moderation_days = 1
vote_days = 1
votes = 1
answer_days = 1
"""


def bodies(town: Any, name: str) -> list[str]:
    return [letter.body.plain() for letter in town.letters(name)]


def day(number: int, hour: int = 9) -> datetime:
    return MONDAY + timedelta(days=number, hours=hour, minutes=1)


def test_options_name_known_guides_and_moderators() -> None:
    assert Options(guide="bad-news").guide == "bad-news"
    with pytest.raises(ValueError, match="there is no such guide"):
        Options(guide="tax returns")
    with pytest.raises(ValueError, match="name at least one moderator"):
        Options(form="leadership")
    assert Options(form="leadership", moderators=(" Dov@Example.org ",)).moderators == ("dov@example.org",)


async def test_topics_are_proposed_chosen_discussed_and_summed_up(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(OPEN)
        for name in ("Ana", "Ben", "Cleo", "Hugo"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            whose = (town.organization, town.workspace, town.people["Hugo"])
            await people.grant(town.runtime, tx, *whose, "host", actor="test")
        await town.live(day(0))
        for name, topic in (("Ana", "Who decides?"), ("Ben", "who  decides?"), ("Cleo", "Why so many calls?")):
            reply = await town.answer(name, {"topic": topic})
            assert "without your name" in reply.text.plain()
        await town.answer("Hugo", verb="pass")
        await town.live(day(2))
        (vote,) = town.letters("Hugo")[1:]
        offered = {option.label: option.value for option in vote.fields[0].options}
        # two that differ in case alone are one topic
        assert sorted(topic.casefold() for topic in offered) == ["who decides?", "why so many calls?"]
        assert all(name not in vote.body.plain() for name in town.people)
        both = list(offered.values())
        assert (await town.answer("Ana", {"vote": []})).status == "refused"
        for name in ("Ana", "Ben", "Cleo"):
            chosen = both if name == "Ana" else [offered["Why so many calls?"]]
            assert "nobody is shown" in (await town.answer(name, {"vote": chosen})).text.plain()
        await town.live(day(3))
        assert bodies(town, "Ana")[-1].endswith("- Why so many calls?")
        assert "A guide that you can follow" in "".join(bodies(town, "Hugo"))
        field = town.letters("Ana")[-1].fields[0]
        assert field.label == "Why so many calls?"
        await town.answer("Ben", {field.key: "Because we fear mails."})
        # who took part reads what the others who did have written so far
        reply = await town.answer("Ana", {field.key: "Because they are easy."})
        assert "Ben: Because we fear mails." in reply.prompt.body.plain()
        await town.live(day(5))
        shown = [call.prompt.body.plain() for call in place.ritual.sent]
        assert "Ana: Because they are easy." in shown[-1]
        wrap = town.letters("Hugo")[-1]
        assert "sum up" in wrap.body.plain()
        await town.answer("Hugo", {"wrap": "Two calls fewer, from Monday on."})
        await town.live(day(9))
        shown = [call.prompt.body.plain() for call in place.ritual.sent]
        assert "Hugo: Two calls fewer" in shown[-1]
        for name in ("Ana", "Ben", "Cleo"):
            assert "Hugo: Two calls fewer, from Monday on." in bodies(town, name)[-1]
        assert "Ben: Because we fear mails." in bodies(town, "Cleo")[-1]
        # whom everybody voted with is in no content of a round
        contents = str([row["content"] for row in await town.rounds()])
        assert all(person not in contents for person in town.people.values())


async def test_who_opted_out_left_or_was_erased_is_not_written_to_counted_or_shown(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(OPEN)
        for name in ("Ana", "Ben", "Cleo", "Out"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            await preferences.opt_out(*of, town.people["Out"], "talk")
        await town.live(day(0))
        for name in ("Ana", "Ben", "Cleo"):
            await town.answer(name, {"topic": f"What of {name}?"})
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"], "talk")
        await town.live(day(2))
        labels = [option.label for option in town.letters("Ana")[-1].fields[0].options]
        assert sorted(labels) == ["What of Ana?", "What of Ben?"]
        await town.answer("Ana", {"vote": [town.letters("Ana")[-1].fields[0].options[0].value]})
        await town.live(day(3))
        key = town.letters("Ana")[-1].fields[0].key
        for name in ("Ana", "Ben"):
            await town.answer(name, {key: f"{name} says so."})
        async with town.runtime.database.write() as tx:
            await erasing.erase(town.runtime, tx, town.organization, town.people["Ben"], "test")
        await town.live(day(9))
        assert [len(town.letters(name)) for name in ("Cleo", "Out")] == [1, 0]
        shown = str([call.prompt.body.plain() for call in place.ritual.sent]) + str(bodies(town, "Ana")[-1])
        assert "Ana says so." in shown
        assert "Ben" not in shown.replace("What of Ben?", "")
        assert "Cleo" not in shown


async def test_a_discussion_without_topics_ends(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(OPEN)
        await town.add("Ana")
        await town.live(day(0))
        await town.answer("Ana", verb="pass")
        await town.live(day(9))
        assert len(town.letters("Ana")) == 1
        assert await town.rows(tables.round_follow_up) == []


async def token(town: Any, name: str, use: passes.Use) -> passes.Pass:
    """Take a pass as the page does, and read it as the page that knows nobody does."""
    async with town.runtime.database.write() as tx:
        (found,) = await leadership.forums(town.runtime, tx, town.organization, town.people[name])
        assert found.now.doing == use
        given = await passes.grant(
            town.runtime,
            tx,
            town.organization,
            town.workspace,
            town.people[name],
            root=found.root,
            stage=found.open.id,
            opened=found.open.opens_at,
            until=found.open.closes_at,
            use=use,
        )
    return passes.read(town.runtime, given)


async def put(town: Any, name: str, text: str) -> bool:
    pass_ = await token(town, name, "ask")
    async with town.runtime.database.write() as tx:
        return await asking.ask(town.runtime, tx, pass_, text)


async def asked(town: Any) -> dict[str, Any]:
    root = next(row["id"] for row in await town.rounds() if not row["occurrence"].startswith("stage:"))
    async with town.runtime.database.read() as tx:
        return {one.text: one for one in await asking.of_round(town.runtime, tx, town.organization, root)} | {
            "root": root
        }


async def decide(town: Any, text: str, *, publish: bool, reason: str = "") -> None:
    found = await asked(town)
    async with town.runtime.database.write() as tx:
        await asking.decide(
            town.runtime,
            tx,
            town.organization,
            found["root"],
            found[text].id,
            publish=publish,
            reason=reason,
            actor=town.people["Dov"],
        )


async def test_questions_are_asked_moderated_voted_on_and_answered_to_all(
    open_town: OpenTown, square: Callable[..., Any], database_url: str
) -> None:
    place = square("square")
    async with open_town(place, url=database_url) as town:
        await town.apply(LEADERSHIP)
        for name in ("Ana", "Ben", "Cleo", "Dov"):
            await town.add(name)
        await town.live(day(0))
        assert "/my/questions" in bodies(town, "Ana")[0]
        # the only button passes: nothing of a question is ever sent with a name
        assert [action.verb for action in town.letters("Ana")[0].actions] == ["pass"]
        with pytest.raises(Mistake, match="without a name only"):
            Discussion().accept({"form": "leadership"}, "answer", {"question": "Mine"})
        for name, text in (("Ana", "Why?"), ("Ben", "When?"), ("Cleo", "Who is to blame, Eve?")):
            assert await put(town, name, text)
        pass_ = await token(town, "Ana", "ask")
        await town.live(day(2))
        with pytest.raises(Refused, match="over"):
            _late(town, pass_)
        assert "Moderate" in bodies(town, "Dov")[-1]
        assert "Moderate" not in "".join(bodies(town, "Ana"))
        await decide(town, "Why?", publish=True)
        await decide(town, "When?", publish=True)
        with pytest.raises(Mistake, match="nothing written"):
            await decide(town, "Who is to blame, Eve?", publish=False)
        await decide(town, "Who is to blame, Eve?", publish=False, reason="It names a colleague.")
        await town.live(day(3))
        assert "Vote" in bodies(town, "Ana")[-1]
        found = await asked(town)
        for name in ("Ana", "Ben"):
            pass_ = await token(town, name, "vote")
            async with town.runtime.database.write() as tx:
                with pytest.raises(Mistake, match="more than 1"):
                    await asking.vote(town.runtime, tx, pass_, [found["Why?"].id, found["When?"].id], 1)
                assert await asking.vote(town.runtime, tx, pass_, [found["When?"].id], 1)
                # the same page again counts nothing
                assert not await asking.vote(town.runtime, tx, pass_, [found["Why?"].id], 1)
        with pytest.raises(Mistake, match="already"):
            await token(town, "Ana", "vote")
        await town.live(day(4))
        assert "Answer" in bodies(town, "Dov")[-1]
        found = await asked(town)
        assert next(iter(found)) == "When?"
        assert {text: one.votes for text, one in found.items() if text != "root"} == {
            "When?": 2,
            "Why?": 0,
            "Who is to blame, Eve?": 0,
        }
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization, found["root"])
            await asking.answer(*of, found["When?"].id, "In spring.", actor=town.people["Dov"])
            with pytest.raises(Mistake, match="not published"):
                await asking.answer(*of, found["Who is to blame, Eve?"].id, "Me.", actor=town.people["Dov"])
        await town.live(day(5))
        posted = place.ritual.sent[-1].prompt.body.plain()
        for told in (posted, *(bodies(town, name)[-1] for name in ("Ana", "Ben", "Cleo"))):
            assert told.index("In spring.") < told.index("This is not answered yet.")
            assert "It names a colleague." in told
            assert "Eve" not in told


def _late(town: Any, pass_: passes.Pass) -> None:
    """Read a token of a stage that is over."""
    fields = {
        "o": pass_.right.organization,
        "w": pass_.right.workspace,
        "r": pass_.root,
        "s": pass_.open,
        "k": pass_.use,
        "n": pass_.right.number,
        "u": pass_.right.until.isoformat(),
    }
    passes.read(town.runtime, town.runtime.vault.token(fields, passes.PLACE))


async def test_nothing_kept_tells_who_asked_or_voted(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(LEADERSHIP)
        for name in ("Ana", "Ben", "Dov"):
            await town.add(name)
        await town.live(day(0))
        assert await put(town, "Ana", "Why?")
        assert await put(town, "Ben", "When?")
        for text in ("Why?", "When?"):
            await decide(town, text, publish=True)
        await town.live(day(3))
        found, pass_ = await asked(town), await token(town, "Ana", "vote")
        async with town.runtime.database.write() as tx:
            await asking.vote(town.runtime, tx, pass_, [found["Why?"].id], 1)
        columns = set(tables.question.c.keys())
        assert columns == {"organization_id", "id", "round_id", "sealed", "state", "reason", "answer", "votes"}
        rights, spent = await town.rows(tables.feedback_right), await town.rows(tables.feedback_spent)
        # one counter for each person and use, one hash for each page that was used, and nothing in common
        assert sorted(row["used"] for row in rights) == [1, 1, 1]
        assert len(spent) == 3
        assert not {row["digest"] for row in rights} & {row["digest"] for row in spent}
        kept = str(rights) + str(spent) + str(await town.rows(tables.question))
        assert all(person not in kept for name, person in town.people.items())
        assert "Why?" not in kept
        # neither an answer nor a participation came of it
        assert await town.rows(tables.response) == []
        assert await town.rows(tables.participation) == []
        async with town.runtime.database.read() as tx:
            entries = (await tx.execute(sa.select(tables.audit).where(tables.audit.c.verb.like("question.%")))).all()
        assert {entry.actor for entry in entries} == {town.people["Dov"]}
        assert {(entry.at.hour, entry.at.minute) for entry in entries} == {(0, 0)}


async def test_a_flood_of_questions_is_stopped_and_only_those_who_are_asked_take_part(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(LEADERSHIP)
        for name in ("Ana", "Ben", "Dov"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            await preferences.opt_out(*of, town.people["Ben"], "ask")
            await preferences.opt_out(*of, town.people["Dov"], "ask")
        await town.live(day(0))
        for number in range(passes.ALLOWED["ask"]):
            assert await put(town, "Ana", f"Question {number}?")
        with pytest.raises(Mistake, match="three pages"):
            await put(town, "Ana", "One more?")
        assert town.letters("Ben") == []
        async with town.runtime.database.read() as tx:
            of = (town.runtime, tx, town.organization)
            assert await leadership.forums(*of, town.people["Ben"]) == []
            # who moderates can do so, but is not asked
            (dovs,) = await leadership.forums(*of, town.people["Dov"])
        assert (dovs.moderates, dovs.takes_part) == (True, False)
        await town.live(day(9))
        # nobody moderated, so nothing is published, and all who were asked are told
        assert "No question was published" in bodies(town, "Ana")[-1]
        assert [town.letters(name) for name in ("Ben", "Dov")] == [[], []]


async def test_the_commands_point_to_the_page_and_show_a_guide(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.add("Ana")
        await town.runtime.installations.refresh()
        (live,) = town.runtime.installations.of(town.workspace)

        async def said(name: str, *args: str) -> Any:
            actor = Actor(platform="square", realm="r", user="Ana")
            return await live.context.inbox.command(Command(name=name, actor=actor, args=args), town.runtime.new_id())

        assert "/my/questions" in (await said("ask")).text.plain()
        assert "**guide**" not in (await said("guide")).text.plain()
        assert "/my/guides" in (await said("guide")).text.plain()
        assert "Opening words" in (await said("guide", "bad news")).text.plain()
        assert (await said("guide", "tax returns")).status == "refused"
