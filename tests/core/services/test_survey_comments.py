"""A comment's way: a preview first, into the ballot, and out at the release, apart from everything else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tertulia.domain.programs import Cadence, Practice
from tertulia.extension import RoundRequest
from tertulia.services import advance, rounds
from tertulia.storage import tables
from tertulia.surveys import comments
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

Open = Callable[[], AbstractAsyncContextManager[Any]]
OPTIONS = {
    "instruments": ["recommendation", "satisfaction", "support"],
    "questions": 3,
    "comment": "What should we do next?",
}
PULSE = Practice(
    key="pulse",
    kind="pulse",
    title="Pulse",
    cadence=Cadence(rule="FREQ=MONTHLY", start="2026-03-02T09:00:00"),
    options=OPTIONS,
)
GOOD = {"recommendation.recommend": "10", "satisfaction.happy": "5", "support.need": ["nothing"]}


class Nobody:
    def of(self, workspace: str) -> tuple[()]:
        return ()


async def test_comments_are_published_at_the_release_and_joined_to_nobody(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        await stage.apply(PULSE)
        people = [
            await stage.member(
                "Robin" if number == 1 else f"P{number:02d}", team="Sales / North" if number < 12 else "Sales / South"
            )
            for number in range(24)
        ]
        request = RoundRequest(practice="p", options=Options(**OPTIONS), occurrence="o", group_size=24, seed=1)
        round_id = await stage.open_round(PULSE, **Pulse().prepare(request).content)
        named = await stage.answer(round_id, people[0], {**GOOD, "comment": "Robin should rest, p1@example.org"})
        assert named.status == "refused"
        assert "“[name] should rest, [e-mail]”" in named.text.plain()
        assert await stage.rows(tables.ballot) == []
        for number, person in enumerate(people):
            said = {"comment": f"Word {'n' if number < 12 else 's'}."} if number % 4 == 0 else {}
            assert (await stage.answer(round_id, person, {**GOOD, **said})).status == "taken"
        as_it_is = {**GOOD, "comment": "Robin should rest.", "comment_as_it_is": True}
        assert (await stage.answer(round_id, people[0], as_it_is)).status == "changed"
        await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
        await advance.advance(stage.runtime, round_id, 7)
        async with stage.database.read() as tx:
            assert (await rounds.find(tx, round_id)).state == "released"
            found = await comments.published(stage.runtime, tx, stage.organization, round_id)
        assert {node: sorted(texts) for node, texts in found.items()} == {
            "Sales / North": ["Robin should rest.", "Word n.", "Word n."],
            "Sales / South": ["Word s."] * 3,
        }
        assert set((await stage.rows(tables.comment))[0]) == {"organization_id", "round_id", "id", "node", "sealed"}
