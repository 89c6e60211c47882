"""Cards carry rituals and never fight what people did; answers come from comments and ticks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tertulia import (
    Field,
    Markup,
    OperatorError,
    Option,
    Participation,
    Place,
    Recipient,
    Reply,
    RetryLater,
    Unreachable,
    new_id,
)
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_trello.stand_in.faults import too_many

QUESTION = replace(
    sample_prompt(),
    fields=(
        Field(key="answer", kind="short", label="Your answer"),
        Field(key="there", kind="confirm", label="I @ana will be there"),
    ),
)


def here(bench: Any) -> Place:
    return Place(platform="trello", ref=bench.board, kind="board")


def card_of(ref: str) -> str:
    return ref.partition(":")[2]


async def read(bench: Any, cursor: str | None = None) -> list[Any]:
    found = [batch async for batch in bench.platform.participation.since(cursor, frozenset({here(bench)}))]
    return [item for batch in found for item in batch.items]


async def test_a_card_is_posted_once_whatever_happens_on_the_way(open_bench: Any) -> None:
    async with open_bench() as bench:
        key = new_id()
        refs = {await bench.platform.ritual.post(here(bench), QUESTION, key) for _ in range(3)}
        assert len(refs) == 1
        assert len(bench.server.carried_out("POST", "/cards")) == 1
        card = bench.town.cards[card_of(refs.pop())]
        assert bench.town.lists[card["idList"]]["name"] == "Tertulia"
        assert [bench.town.labels[one]["name"] for one in card["idLabels"]] == ["Tertulia"]
        (item,) = bench.town.items.values()
        assert item["name"] == "I @\u2060ana will be there"


async def test_a_list_is_made_with_consent_only(open_bench: Any) -> None:
    async with open_bench(create_list=False) as bench:
        with pytest.raises(OperatorError, match="create_list"):
            await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        assert not bench.server.carried_out()
        bench.town.add_list(bench.board, "Tertulia")
        assert await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        assert not bench.town.labels


async def test_other_boards_carry_nothing(open_bench: Any) -> None:
    async with open_bench(boards=[]) as bench:
        with pytest.raises(OperatorError, match="boards"):
            await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        assert await read(bench) == []
        assert not bench.server.journal


@pytest.mark.parametrize("more", [{"privacy": "confidential"}, {"visibility": "me"}])
async def test_what_others_must_not_see_is_never_on_a_card(open_bench: Any, more: dict[str, Any]) -> None:
    async with open_bench() as bench:
        with pytest.raises(Unreachable, match="never"):
            await bench.platform.ritual.post(here(bench), replace(QUESTION, **more), new_id())
        assert not bench.server.journal
        figures = replace(summary_prompt(), **more)
        assert await bench.platform.ritual.post(here(bench), figures, new_id())


async def test_a_list_that_people_archived_is_made_anew(open_bench: Any) -> None:
    async with open_bench() as bench:
        first = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        bench.town.lists[bench.town.cards[card_of(first)]["idList"]]["closed"] = True
        key = new_id()
        with pytest.raises(RetryLater):
            await bench.platform.ritual.post(here(bench), QUESTION, key)
        assert await bench.platform.ritual.post(here(bench), QUESTION, key)


async def test_an_edited_card_is_left_as_people_wrote_it(open_bench: Any) -> None:
    async with open_bench() as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        other = replace(QUESTION, body=Markup.literal("Another question"))
        await bench.platform.ritual.refresh(ref, other)
        assert "Another question" in bench.town.cards[card_of(ref)]["desc"]
        bench.town.change(bench.ana, card_of(ref), desc="Ours now")
        await bench.platform.ritual.refresh(ref, QUESTION)
        assert bench.town.cards[card_of(ref)]["desc"] == "Ours now"


@pytest.mark.parametrize("how", ["archived", "deleted"])
async def test_a_card_that_people_took_away_stays_away(open_bench: Any, how: str) -> None:
    async with open_bench() as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        if how == "archived":
            bench.town.change(bench.ana, card_of(ref), closed=True)
        else:
            bench.town.delete(bench.ana, card_of(ref))
        before = len(bench.server.carried_out())
        await bench.platform.ritual.refresh(ref, QUESTION)
        await bench.platform.ritual.close(ref, summary_prompt())
        assert len(bench.server.carried_out()) == before


async def test_a_summary_that_broke_off_goes_on_where_it_stopped(open_bench: Any) -> None:
    async with open_bench(archive=False) as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        long = replace(summary_prompt(), body=Markup.literal("\n\n".join(f"{n} " + "word " * 150 for n in range(20))))
        bench.server.script(None, None, None, too_many())
        with pytest.raises(RetryLater):
            await bench.platform.ritual.close(ref, long)
        await bench.platform.ritual.close(ref, long)
        said = [one["data"]["text"] for one in bench.town.card_actions(card_of(ref)) if one["type"] == "commentCard"]
        assert len(said) > 2
        assert len(set(said)) == len(said)
        assert not bench.town.cards[card_of(ref)]["closed"]


async def test_first_comments_ticks_and_edits_are_answers_and_the_rest_is_talk(open_bench: Any) -> None:
    async with open_bench() as bench:
        town, inbox = bench.town, bench.context.inbox
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        card = card_of(ref)
        first = town.comment(bench.ana, card, "the lake")
        town.comment(bench.ana, card, "nice one, @ben")
        town.comment(bench.ben, card, "@tertulia help")
        town.comment(bench.ben, card, "pass.")
        town.tick(bench.carla, next(iter(town.items)))
        town.comment(town.own, card, "ours")
        facts = await read(bench)
        given = [(one.value["actor"].user, one.value["values"], one.value["token"]) for one in inbox.received]
        answer, passing = (action.token for action in QUESTION.actions[:2])
        assert given == [
            (bench.ana, {"answer": "the lake"}, answer),
            (bench.ben, {}, passing),
            (bench.carla, {"there": True}, answer),
        ]
        assert {fact.round for fact in facts if isinstance(fact, Participation)} == {QUESTION.id}
        assert not any(fact.actor.user == town.own for fact in facts if isinstance(fact, Participation))
        town.edit_comment(first, "the river")
        bench.clock.advance(timedelta(minutes=1))
        town.comment(bench.ben, card, "@tertulia answer: a kitchen")
        await read(bench)
        await read(bench)
        later = [(one.value["actor"].user, one.value["values"]) for one in inbox.received[3:]]
        assert later == [(bench.ana, {"answer": "the river"}), (bench.ben, {"answer": "a kitchen"})]
        assert {len(found) for found in town.reactions.values()} <= {1, 2}


CHOICE = replace(
    QUESTION,
    fields=(
        Field(
            key="come",
            kind="one",
            label="Will you come?",
            options=(Option(value="y", label="Yes"), Option(value="n", label="No")),
        ),
        Field(key="why", kind="short", label="A word"),
    ),
)


async def test_a_card_is_due_when_the_round_closes_and_done_when_it_has(open_bench: Any) -> None:
    async with open_bench(archive=False) as bench:
        closes = bench.clock.now() + timedelta(hours=4)
        ref = await bench.platform.ritual.post(here(bench), replace(QUESTION, closes=closes), new_id())
        card = bench.town.cards[card_of(ref)]
        assert (card["due"], card["dueComplete"]) == ("2026-01-05T13:00:00.000Z", False)
        await bench.platform.ritual.close(ref, summary_prompt())
        assert (card["dueComplete"], card["closed"]) == (True, False)


async def test_a_vote_is_the_first_choice_until_a_comment_says_another(open_bench: Any) -> None:
    async with open_bench() as bench:
        town, inbox = bench.town, bench.context.inbox
        ref = await bench.platform.ritual.post(here(bench), CHOICE, new_id())
        assert "vote for this card, which says: **Yes**" in town.cards[card_of(ref)]["desc"]
        town.comment(bench.ben, card_of(ref), "1: No")
        town.vote(bench.ana, card_of(ref))
        town.vote(bench.ben, card_of(ref))
        for _ in range(2):
            facts = await read(bench)
        town.comment(bench.ana, card_of(ref), "1: No")
        await read(bench)
        given = [(one.value["actor"].user, one.value["values"]) for one in inbox.received if one.name == "answered"]
        assert given == [(bench.ben, {"come": "n"}), (bench.ana, {"come": "y"}), (bench.ana, {"come": "n"})]
        signs = [fact for one in inbox.received if one.name == "participated" for fact in one.value]
        assert [(one.actor.user, one.kind, one.round) for one in signs] == [
            (bench.ana, "reacted", CHOICE.id),
            (bench.ben, "reacted", CHOICE.id),
        ]
        assert facts is not None


async def test_a_vote_answers_nothing_where_it_could_mean_several_things(open_bench: Any) -> None:
    async with open_bench() as bench:
        two = replace(CHOICE, fields=(*CHOICE.fields, replace(CHOICE.fields[0], key="other")))
        must = replace(CHOICE, fields=(CHOICE.fields[0], replace(CHOICE.fields[1], required=True)))
        for prompt in (two, must):
            ref = await bench.platform.ritual.post(here(bench), prompt, new_id())
            bench.town.vote(bench.ana, card_of(ref))
            assert "vote" not in bench.town.cards[card_of(ref)]["desc"]
        await read(bench)
        assert {one.name for one in bench.context.inbox.received} == {"participated"}


async def test_who_reacts_took_part_once_and_is_seen_even_at_the_end(open_bench: Any) -> None:
    async with open_bench() as bench:
        town, inbox = bench.town, bench.context.inbox
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        comment = town.comment(bench.ana, card_of(ref), "the lake")
        town.react(bench.ben, comment)
        await read(bench)
        town.react(bench.ben, comment)
        town.react(bench.carla, comment)
        await read(bench)  # reactions were read just now
        await bench.platform.ritual.close(ref, summary_prompt())
        signs = [fact for one in inbox.received if one.name == "participated" for fact in one.value]
        assert [(one.actor.user, one.kind) for one in signs] == [(bench.ben, "reacted"), (bench.carla, "reacted")]


async def test_a_label_that_a_board_has_is_used(open_bench: Any) -> None:
    async with open_bench() as bench:
        first = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        bench.town.lists[bench.town.cards[card_of(first)]["idList"]]["closed"] = True
        key = new_id()
        with pytest.raises(RetryLater):
            await bench.platform.ritual.post(here(bench), QUESTION, key)
        second = await bench.platform.ritual.post(here(bench), QUESTION, key)
        assert len(bench.town.labels) == 1
        assert bench.town.cards[card_of(second)]["idLabels"] == list(bench.town.labels)


async def test_who_is_unknown_is_told_once_and_taken_later(open_bench: Any) -> None:
    async with open_bench() as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        bench.context.inbox.reply = Reply(status="unknown_actor", text=Markup.literal("CANARY"), private=True)
        comment = bench.town.comment(bench.ana, card_of(ref), "the lake")
        for _ in range(3):
            await read(bench)
        said = [
            one["data"]["text"] for one in bench.town.card_actions(card_of(ref))[1:] if one["type"] == "commentCard"
        ]
        assert len(said) == 2
        assert "CANARY" not in str(said)
        assert "link code" in said[1]
        bench.context.inbox._replies.clear()
        bench.context.inbox.reply = Reply(status="taken")
        await read(bench)
        assert [one["emoji"]["native"] for one in bench.town.reactions[comment]] == ["👍"]


async def test_what_cannot_be_taken_is_said_without_saying_what_it_was(open_bench: Any) -> None:
    async with open_bench() as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        bench.context.inbox.reply = Reply(status="refused", text=Markup.literal("CANARY"), private=True)
        bench.town.comment(bench.ana, card_of(ref), "x" * 5000)
        for _ in range(2):
            await read(bench)
        assert len(bench.server.carried_out("POST", "/actions/comments")) == 1
        assert "CANARY" not in str(bench.server.journal)


async def test_a_group_shares_a_card_where_there_is_a_board_for_groups(open_bench: Any) -> None:
    async with open_bench() as bench:
        people = [Recipient(ref=m, address={"member": m}, language="en", zone="UTC") for m in (bench.ana, bench.ben)]
        assert await bench.platform.ritual.gather(tuple(people), summary_prompt(), new_id()) is None
        bench.context.settings.__dict__["group_board"] = bench.board
        stranger = Recipient(ref="x", address={}, language="en", zone="UTC")
        assert await bench.platform.ritual.gather((people[0], stranger), summary_prompt(), new_id()) is None
        ref = await bench.platform.ritual.gather(tuple(people), summary_prompt(), new_id())
        assert bench.town.cards[card_of(ref)]["idMembers"] == [bench.ana, bench.ben]
        (met,) = bench.town.items.values()
        bench.town.tick(bench.ben, met["id"])
        (took_part,) = [fact for fact in await read(bench) if isinstance(fact, Participation)]
        assert (took_part.kind, took_part.actor.user) == ("attended", bench.ben)


async def test_a_group_that_met_says_so_on_its_card_once_it_is_asked(open_bench: Any) -> None:
    async with open_bench() as bench:
        town, inbox = bench.town, bench.context.inbox
        bench.context.settings.__dict__["group_board"] = bench.board
        people = [Recipient(ref=m, address={"member": m}, language="en", zone="UTC") for m in (bench.ana, bench.ben)]
        ref = await bench.platform.ritual.gather(tuple(people), QUESTION, new_id())
        card = town.cards[card_of(ref)]
        assert "photo only if everybody on it agrees" in card["desc"]
        assert "Answer with a comment" not in card["desc"]  # more people read the board than the group
        (met,) = town.items.values()
        for member in (bench.carla, bench.ben, bench.ben):
            town.tick(member, met["id"])  # Carla is not of the group, and Ben unticks hers before he ticks
        town.attach(bench.ana, card_of(ref), "photo.jpg")
        facts = await read(bench)
        kinds = {(one.actor.user, one.kind) for one in facts if isinstance(one, Participation)}
        assert kinds == {(bench.ben, "attended"), (bench.ana, "reacted")}
        assert "photo" not in str([key async for key in bench.context.store.scan("")])
        assert not [one for one in inbox.received if one.name == "answered"]  # nobody is asked yet

        yes = (Option(value="yes", label="Yes"), Option(value="no", label="No"))
        asked = replace(QUESTION, fields=(Field(key="met", kind="one", label="Did you meet?", options=yes),))
        for open_, count in (((asked, asked), 0), ((asked,), 1), ((asked,), 1)):
            inbox.open = open_
            await read(bench)
            given = [one.value for one in inbox.received if one.name == "answered"]
            assert [(one["actor"].user, one["values"]) for one in given] == [(bench.ben, {"met": "yes"})] * count


async def test_what_a_member_said_about_meeting_stands(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.context.settings.__dict__["group_board"] = bench.board
        people = (Recipient(ref="a", address={"member": bench.ana}, language="en", zone="UTC"),)
        await bench.platform.ritual.gather(people, QUESTION, new_id())
        bench.town.tick(bench.ana, next(iter(bench.town.items)))
        yes = (Option(value="yes", label="Yes"), Option(value="no", label="No"))
        said = Field(key="met", kind="one", label="Did you meet?", options=yes, value="no")
        bench.context.inbox.open = (replace(QUESTION, fields=(said,)),)
        await read(bench)
        assert not [one for one in bench.context.inbox.received if one.name == "answered"]


async def test_a_card_that_nobody_closes_is_forgotten_in_time(open_bench: Any) -> None:
    async with open_bench() as bench:
        await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        await read(bench)
        assert [key async for key, _ in bench.context.store.scan("card:")]
        bench.clock.advance(timedelta(days=91))
        await read(bench)
        assert not [key async for key, _ in bench.context.store.scan("card:")]


async def test_two_readers_give_the_same_answer_once(open_bench: Any) -> None:
    async with open_bench() as bench:
        ref = await bench.platform.ritual.post(here(bench), QUESTION, new_id())
        bench.town.comment(bench.ana, card_of(ref), "the lake")
        await asyncio.gather(read(bench), read(bench))
        assert len(bench.context.inbox.received) == 1
