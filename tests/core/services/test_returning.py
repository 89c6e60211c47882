"""Results go back to everybody who was asked, in their own channel, with what will be done about them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest
from tertulia.services import advance as advancing
from tertulia.services import figures, opening, releasing, returning, rounds, summaries
from tertulia.storage import tables
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

Open = Callable[[], AbstractAsyncContextManager[Any]]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OPTIONS = {"instruments": ["recommendation", "satisfaction", "support"], "questions": 3}
PULSE = Practice(
    key="pulse",
    kind="pulse",
    title="Pulse",
    cadence=Cadence(rule="FREQ=MONTHLY", start="2026-03-02T09:00:00"),
    options=OPTIONS,
)
GOOD = {"recommendation.recommend": "10", "satisfaction.happy": "5", "support.need": ["nothing"]}
CHAT = "c" * 32


class Nobody:
    """Installations of a runtime that has none."""

    def of(self, workspace: str) -> tuple[()]:
        return ()


async def closed(stage: Any, *, asked: int = 8, answering: int = 6, before: str | None = None) -> Any:
    """Let a pulse be asked of *asked* people, one of them in vain, and close it."""
    stage.runtime.installations = Nobody()
    await stage.apply(PULSE)
    people = [await stage.member(f"P{number}", team="Ops") for number in range(asked)]
    request = RoundRequest(practice="pulse", options=Options(**OPTIONS), occurrence="now", group_size=asked, seed=1)
    round_id = await stage.open_round(PULSE, **Pulse().prepare(request).content)
    await invited(stage, round_id, people)
    for person in people[:answering]:
        await stage.answer(round_id, person, GOOD)
    if before:
        async with stage.database.write() as tx:
            await returning.say(stage.runtime, tx, await rounds.find(tx, round_id), before, actor="test")
    await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
    await advancing.advance(stage.runtime, round_id, 7)
    return await found(stage, round_id)


async def invited(stage: Any, round_id: str, people: list[str]) -> None:
    shard = {"id": stage.runtime.new_id(), "round_id": round_id, "purpose": "invite", "size": len(people)}
    times = {"origin": stage.clock.now(), "due": stage.clock.now(), "state": "done", "epoch": 0, "lease_until": 0.0}
    async with stage.database.write() as tx:
        await tx.execute(tables.shard.insert().values(**shard, **times, organization_id=stage.organization))
        for seq, person in enumerate(people):
            row = {"shard_id": shard["id"], "seq": seq, "round_id": round_id, "purpose": "invite"}
            whom = {"recipient": person, "target": "person", "installation_id": CHAT, "platform": "chat"}
            how = {"state": "sent" if seq else "failed", "attempts": 1, "next_at": 0.0}
            await tx.execute(
                tables.delivery.insert().values(**row, **whom, **how, organization_id=stage.organization)
            )


async def found(stage: Any, round_id: str) -> Any:
    async with stage.database.read() as tx:
        return await rounds.find(tx, round_id)


async def sent(stage: Any) -> list[dict[str, Any]]:
    return [row for row in await stage.rows(tables.delivery) if row["purpose"] == returning.PURPOSE]


async def test_results_wait_two_days_for_what_will_be_done(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage)
        assert (round_.state, round_.next_action) == ("released", "results")
        assert round_.next_at == round_.closes_at + timedelta(days=2)
        stage.clock.set(round_.next_at)
        await advancing.advance(stage.runtime, round_.id, round_.step)
        rows = await sent(stage)
        invitations = [row for row in await stage.rows(tables.delivery) if row["purpose"] == "invite"]
        reached = {row["recipient"] for row in invitations if row["state"] == "sent"}
        assert {row["recipient"] for row in rows} == reached
        assert len(reached) == 7
        assert {(row["platform"], row["installation_id"], row["state"]) for row in rows} == {
            ("chat", CHAT, "planned")
        }
        after = await found(stage, round_.id)
        assert after.next_action == "deliver"
        started = await advancing.advance(stage.runtime, round_.id, after.step)
        assert len(started) == 1
        assert (await found(stage, round_.id)).next_action is None


@ON_SQLITE
async def test_who_gets_results_does_not_tell_who_answered(open_stage: Open) -> None:
    async with open_stage() as stage:
        few = await closed(stage, answering=5, before="More daylight.")
        await advancing.advance(stage.runtime, few.id, few.step)
        assert len(await sent(stage)) == 7


@ON_SQLITE
async def test_what_was_said_before_the_close_goes_out_at_once(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage, before="  We try   fewer meetings. ")
        assert (round_.next_action, round_.next_at) == ("results", round_.closes_at)
        async with stage.database.write() as tx:
            _, draft = await summaries.summarise(stage.runtime, tx, round_, PULSE)
            stage.runtime.config = type("Config", (), {"public_url": "https://t.example"})()
            whole = await returning.draft(stage.runtime, tx, round_, PULSE, draft)
        text = whole.body.plain()
        assert (
            text.index("At least 5 people answered") < text.index("What will be done") < text.index("fewer meetings")
        )
        assert f"https://t.example/my/results/{round_.id}" in whole.body.html()
        assert whole.title == "Pulse: results"


@ON_SQLITE
async def test_an_admin_publishes_sooner_and_only_once(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage)
        async with stage.database.write() as tx:
            await returning.publish(stage.runtime, tx, round_, actor="test")
        round_ = await found(stage, round_.id)
        assert round_.next_at == stage.clock.now()
        await advancing.advance(stage.runtime, round_.id, round_.step)
        async with stage.database.write() as tx:
            with pytest.raises(Mistake, match="do not wait"):
                await returning.publish(stage.runtime, tx, await rounds.find(tx, round_.id), actor="test")
            assert await returning.due(tx, await rounds.find(tx, round_.id)) is None
        assert [row["verb"] for row in await stage.rows(tables.audit)][-1] == "survey.publish"


async def test_what_is_said_is_checked_and_can_be_taken_back(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage)
        async with stage.database.write() as tx:
            assert await returning.say(stage.runtime, tx, round_, "One.", actor="test") == 1
            assert await returning.say(stage.runtime, tx, round_, "Two.", actor="test") == 2
            await returning.take_back(stage.runtime, tx, round_, 1, actor="test")
            assert await returning.said(tx, stage.organization, round_.id) == [(2, "Two.")]
            with pytest.raises(Mistake, match="was not said"):
                await returning.take_back(stage.runtime, tx, round_, 1, actor="test")
            for text in ("", " \x00 ", "x" * 501):
                with pytest.raises(Mistake, match="write 1 to 500"):
                    await returning.say(stage.runtime, tx, round_, text, actor="test")
            assert await returning.said(tx, "another", round_.id) == []


@ON_SQLITE
async def test_a_withheld_round_says_so_to_everybody(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage, answering=3)
        assert round_.next_action == "results"
        async with stage.database.write() as tx:
            _, draft = await summaries.summarise(stage.runtime, tx, round_, PULSE)
        assert "Nothing is published" in draft.body.plain()


@ON_SQLITE
async def test_every_form_of_the_results_holds_the_same_cells(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage, asked=24, answering=20)
        async with stage.database.read() as tx:
            found_ = await figures.results(stage.runtime, tx, round_)
            published = await releasing.published(tx, stage.organization, round_.id)
        shown = {(line.item.key, line.cell.group.key) for line in found_.lines if line.reading}
        assert shown == {(cell.item, cell.group.key) for cell in published}
        document = figures.as_json(found_)
        assert len(document["cells"]) == len(found_.lines)
        assert sum(cell["published"] for cell in document["cells"]) == len(published)
        hidden = [cell for cell in document["cells"] if not cell["published"]]
        assert hidden
        assert all(cell["levels"] == [] and cell["answered_at_least"] == 0 for cell in hidden)
        header, *rows = figures.as_csv(found_).splitlines()
        assert header.split(",")[:5] == ["item", "text", "family", "group", "published"]
        assert len(rows) == sum(max(1, len(cell["levels"])) for cell in document["cells"])


@ON_SQLITE
async def test_an_open_survey_and_a_ritual_have_no_results(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage)
        async with stage.database.read() as tx:
            for state in ("open", "closing", "cancelled"):
                other = type(round_)(**{**vars(round_), "state": state})
                assert await figures.results(stage.runtime, tx, other) is None
                assert await returning.due(tx, other) is None
            assert await figures.ended(tx, "another", [stage.workspace]) == []
            assert [one.id for one in await figures.ended(tx, stage.organization, [stage.workspace])] == [round_.id]


@ON_SQLITE
async def test_messages_due_later_are_sent_after_the_close(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_ = await closed(stage, before="More daylight.")
        async with stage.database.write() as tx:
            await tx.execute(tables.person.update().values(quiet_start="08:00", quiet_end="12:00", zone="UTC"))
            await returning.plan(stage.runtime, tx, round_)
            await opening.wait_for_next(tx, round_)
        after = await found(stage, round_.id)
        assert (after.next_action, after.next_at) == ("deliver", stage.clock.now() + timedelta(hours=3))
