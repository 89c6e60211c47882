"""A kind that deals shares and goes on in stages, through real rounds: who is asked what, when, and who never is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from tertulia.capabilities import Command
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.people import Actor
from tertulia.domain.prompts import Action, Draft, Field, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RitualKind, RoundRequest, Shared, Tally
from tertulia.hookspecs import hookimpl
from tertulia.kinds import Conclusion, Dealing, FollowUp, Outcome, Share
from tertulia.services import erasing, merging, my_data, preferences, rounds, sign_ups
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
WORD = Field(key="word", kind="short", label="A word")
PROGRAM = """
[[practice]]
key = "relay"
kind = "relay"
title = "Relay"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
"""


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Relay:
    """Everybody gets a number and gives a word; who gave one sees the others' words on the next day."""

    name = "relay"
    privacy: Privacy = "named"
    options: type[BaseModel] = NoOptions

    def prepare(self, request: RoundRequest) -> Prepared:
        return Prepared(content={})

    def prompt(self, content: Json, language: str) -> Draft:
        return Draft(title="", body=Markup.literal("This is not for you."), recorded="Nothing is kept.")

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        raise Mistake("You are not in this round.")

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        people = list(dealing.people)
        return {one: Share(share={"number": at, "people": people}, group="all") for at, one in enumerate(people)}

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        stage = content.get("stage", "")
        words = [f"{mate['name']}: {mate['given'].get('', {}).get('word', '-')}" for mate in share["people"]]
        text = f"stage {stage or 'one'}, number {share['number']}, me {share['me']['name']}; {'; '.join(words)}"
        send = (Action(verb="answer", label="Send"), Action(verb="queue", label="Queue"))
        return Draft(
            title=f"Relay {stage}".strip(),
            body=Markup.literal(text),
            recorded="Kept.",
            fields=(WORD,),
            actions=send,
            visibility="group",
        )

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        until = datetime(2026, 12, 1, tzinfo=UTC)
        queue = ("chair",) if verb == "queue" else None
        secret = {"diet": values["word"]} if verb == "queue" else None
        return Given(values={"word": values["word"]}, reserves=queue, private=secret, private_until=until)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        return None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        if outcome.stage:
            return Conclusion(attended=frozenset(outcome.answers()), met=(frozenset(outcome.answers()),))
        shares = {one: outcome.shares[one] for one in outcome.answers()}
        at = outcome.closed_at + timedelta(hours=18)
        line = list(outcome.reserved.get("chair", ()))
        content = {"line": line, "diets": [dict(one) for one in outcome.private]}
        stages = [FollowUp(stage="two", at=at, open_for=timedelta(hours=6), shares=shares, content=content)]
        quiet = {one: outcome.shares[one] for one, rounds in outcome.silent.items() if rounds >= 2}
        if quiet:
            stages.append(FollowUp(stage="lapsed", at=at, open_for=timedelta(hours=9), shares=quiet, withdraws=True))
        return Conclusion(follow_ups=tuple(stages))


class Relays:
    @hookimpl
    def register_rituals(self) -> list[RitualKind]:
        return [Relay()]


def bodies(prompts: Sequence[Any]) -> list[str]:
    return [prompt.body.plain() for prompt in prompts]


async def test_those_who_joined_are_dealt_a_share_and_go_on_in_a_stage_of_their_own(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben", "Cleo", "Dov"):
            await town.add(name)
        await town.join("relay", "Ana", "Ben", "Cleo")
        await town.live(MONDAY + timedelta(hours=9, minutes=30))
        assert town.letters("Dov") == []
        (first,) = bodies(town.letters("Ana"))
        assert "me Ana" in first
        assert "Ben: -" in first
        assert "Dov" not in first
        assert (await town.answer("Ana", {"word": "sun"})).status == "taken"
        reply = await town.answer("Ben", {"word": "moon"}, verb="queue")
        assert "Ana: sun" in reply.prompt.body.plain()
        await town.live(MONDAY + timedelta(hours=33, minutes=40))
        assert [len(town.letters(name)) for name in ("Ana", "Ben", "Cleo")] == [2, 2, 1]
        assert "stage two" in bodies(town.letters("Ana"))[1]
        assert "Ben: moon" in bodies(town.letters("Ana"))[1]
        assert town.letters("Ana")[1].title == "Relay two"
        (stage,) = await town.rows(tables.round_follow_up)
        content = next(row["content"] for row in await town.rounds() if row["id"] == stage["round_id"])
        assert content["line"] == [town.people["Ben"]]
        assert content["diets"] == [{"diet": "moon"}]
        async with town.runtime.database.read() as tx:
            standing = await rounds.progress(tx, town.organization, stage["round_id"])
        # two were asked in it because of what they answered: so few are told to nobody
        assert standing is not None
        assert standing.deliveries == {}


async def test_a_stage_survives_a_new_program_and_counts_each_person_once(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben"):
            await town.add(name)
        await town.join("relay")
        await town.live(MONDAY + timedelta(hours=10))
        for name in ("Ana", "Ben"):
            await town.answer(name, {"word": "sun"})
        await town.live(MONDAY + timedelta(hours=20))
        await town.apply(PROGRAM.replace('title = "Relay"', 'title = "Other"'))
        await town.live(MONDAY + timedelta(hours=34))
        await town.answer("Ana", {"word": "again"})
        await town.live(MONDAY + timedelta(days=3))
        root = (await town.rounds())[0]["id"]
        facts = await town.rows(tables.participation)
        assert sorted((row["person_id"], row["round_id"], row["kind"]) for row in facts) == sorted(
            [(town.people["Ana"], root, "attended"), (town.people["Ben"], root, "answered")]
        )
        planned = [row for row in await town.rounds() if row["state"] == "planned"]
        assert [row["occurrence"] for row in planned] == ["2026-11-30T09:30:00"]


async def test_who_opts_out_or_leaves_between_two_stages_is_not_written_to_counted_or_shown(
    open_town: OpenTown,
) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben", "Cleo"):
            await town.add(name)
        await town.join("relay")
        await town.live(MONDAY + timedelta(hours=10))
        for name in ("Ana", "Ben", "Cleo"):
            await town.answer(name, {"word": name.lower()})
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "relay")
        await town.live(MONDAY + timedelta(hours=24))
        async with town.runtime.database.write() as tx:
            whose = (town.organization, town.workspace, "relay", [town.people["Cleo"]])
            await sign_ups.withdraw(town.runtime, tx, *whose)
        await town.live(MONDAY + timedelta(days=2))
        assert [len(town.letters(name)) for name in ("Ana", "Ben", "Cleo")] == [2, 1, 1]
        second = bodies(town.letters("Ana"))[1]
        assert "stage two" in second
        assert "Ben" not in second
        assert "Cleo" not in second


async def test_whoever_stays_silent_is_taken_off_the_list_told_so_and_may_return(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben"):
            await town.add(name)
        await town.join("relay")

        async def answering(at: datetime) -> None:
            prompt = town.letters("Ana")[-1] if town.letters("Ana") else None
            if prompt is not None and prompt.title == "Relay" and at.weekday() == 0:
                await town.answer("Ana", {"word": "here"})

        await town.live(MONDAY + timedelta(days=15), answering)
        assert [prompt.title for prompt in town.letters("Ben")] == ["Relay", "Relay", "Relay lapsed"]
        (left,) = await town.rows(tables.sign_up, person_id=town.people["Ben"])
        assert left["left_because"] == "silence"
        await town.join("relay", "Ben")
        await town.live(MONDAY + timedelta(days=22))
        assert [prompt.title for prompt in town.letters("Ben")][-1] == "Relay"
        assert len(await town.rows(tables.sign_up)) == 2


async def test_what_is_kept_is_shown_to_its_owner_and_goes_with_erasure(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben"):
            await town.add(name)
        await town.join("relay")
        await town.live(MONDAY + timedelta(hours=10))
        await town.answer("Ben", {"word": "vegan"}, verb="queue")
        async with town.runtime.database.write() as tx:
            held = await my_data.collect(town.runtime, tx, town.organization, town.people["Ben"])
            assert [row["practice"] for row in held["practices_joined"]] == ["relay"]
            assert [row["diet"] for row in held["private_answers"]] == ["vegan"]
            assert [row["item"] for row in held["places_reserved"]] == ["chair"]
            assert [row["share"]["number"] for row in held["dealt_in_rounds"]] != []
            await erasing.erase(town.runtime, tx, town.organization, town.people["Ben"], "test")
        for table in (tables.sign_up, tables.round_share, tables.reservation, tables.private_answer):
            assert await town.rows(table, person_id=town.people["Ben"]) == []
        await town.live(MONDAY + timedelta(days=2))
        assert len(town.letters("Ben")) == 1


async def test_what_somebody_gave_privately_follows_them_into_a_merge(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben", "Twin"):
            await town.add(name)
        await town.join("relay", "Ana", "Ben")
        await town.live(MONDAY + timedelta(hours=10))
        await town.answer("Ana", {"word": "here"})
        await town.answer("Ben", {"word": "vegan"}, verb="queue")
        kept, gone = town.people["Twin"], town.people["Ben"]
        async with town.runtime.database.write() as tx:
            await merging.merge(town.runtime, tx, town.organization, kept=kept, gone=gone, actor="test")
            await sign_ups.withdraw(town.runtime, tx, town.organization, town.workspace, "relay", [kept])
        await town.live(MONDAY + timedelta(days=2))
        (stage,) = [one for one in await town.rounds() if (one["content"] or {}).get("stage") == "two"]
        assert stage["content"]["line"] == stage["content"]["diets"] == []


async def test_the_commands_join_and_leave_what_is_meant(open_town: OpenTown) -> None:
    async with open_town(plugins={"relays": Relays()}) as town:
        await town.add("Ana")
        assert "no practice to join" in await said(town, "Ana", "join")
        await town.apply(PROGRAM)
        assert "You take part in “Relay”" in await said(town, "Ana", "join")
        assert len(await town.rows(tables.sign_up, left_at=None)) == 1
        assert "Say which one" in await said(town, "Ana", "join", "tennis")
        await town.live(MONDAY + timedelta(hours=10))
        assert len(town.letters("Ana")) == 1
        assert "no more" in await said(town, "Ana", "leave", "relay")
        assert await town.rows(tables.sign_up, left_at=None) == []
        await town.live(MONDAY + timedelta(days=8))
        assert len(town.letters("Ana")) == 1


async def said(town: Any, name: str, *words: str) -> str:
    """Let *name* send a command on the square, and return the answer."""
    await town.runtime.installations.refresh()
    (live,) = town.runtime.installations.of(town.workspace)
    actor = Actor(platform="square", realm="r", user=name)
    command = Command(name=words[0], actor=actor, args=tuple(words[1:]))
    reply = await live.context.inbox.command(command, town.runtime.new_id())
    assert reply.text is not None
    return str(reply.text.plain())
