"""Any order of lighting, taking back, opening, losing keys and waiting keeps the promises of a candle."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tertulia.errors import Mistake
from tertulia.storage import tables
from tertulia.surveys.candle import life

MEMBERS, RESPONDERS = st.sampled_from(["ana", "lea"]), st.sampled_from(["rosa", "dan"])


class Candles(RuleBasedStateMachine):
    """Model: who lit what to whom, whether it was taken back, and who has read it."""

    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.lit: dict[str, dict[str, Any]] = {}
        self.number = 0

    @initialize()
    def furnish(self) -> None:
        folder = Path(self.run(asyncio.to_thread(self.stack.enter_context, tempfile.TemporaryDirectory())))
        self.house = self.run(self.stack.enter_async_context(self.make(folder)))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    @rule(member=MEMBERS, responder=RESPONDERS, pass_on=st.booleans())
    def light(self, member: str, responder: str, pass_on: bool) -> None:
        self.number += 1
        work = self.house.light(member, responder, key=f"k{self.number}", pass_on=pass_on)
        if sum(one.state == "waiting" for one in self.run(self.house.mine(member))) == life.MOST:
            with pytest.raises(Mistake, match="take one back"):
                self.run(work)
            return
        reference = self.run(work)
        self.lit[reference] = {"by": member, "to": responder, "pass_on": pass_on, "back": False, "read": set()}

    @rule(member=MEMBERS, number=st.integers(0, 9))
    def take_back(self, member: str, number: int) -> None:
        mine = self.run(self.house.mine(member))
        if mine:
            one = mine[number % len(mine)]
            self.run(self.house.withdraw(one.id, member))
            if one.state not in ("closed", "withdrawn"):
                self.lit[one.reference]["back"] = True

    @rule(responder=RESPONDERS)
    def open(self, responder: str) -> None:
        may = {one.reference for one in self.run(self.house.waiting(responder))}
        for one in self.run(self.house.open(responder)):
            known = self.lit[one.waiting.reference]
            assert one.waiting.reference in may
            assert one.name == f"{known['by'].capitalize()} Canary"
            assert not known["back"]
            assert responder == known["to"] or known["pass_on"]
            known["read"].add(responder)

    @rule(responder=RESPONDERS)
    def lose_key(self, responder: str) -> None:
        self.run(self.house.key(responder))

    @rule(hours=st.integers(1, 40))
    def wait(self, hours: int) -> None:
        self.run(self.house.drive(self.house.clock.now() + timedelta(hours=hours)))

    @precondition(lambda self: self.lit)
    @rule(responder=RESPONDERS, to=st.sampled_from(["acknowledged", "closed"]))
    def step(self, responder: str, to: str) -> None:
        for one in self.run(self.house.waiting(responder)):
            self.run(self.house.take_up(one.id, to, responder))

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        if not self.lit:
            return
        rows = {row["reference"]: row for row in self.run(self.house.rows(tables.candle))}
        assert set(rows) == set(self.lit)
        for reference, known in self.lit.items():
            row = rows[reference]
            if known["back"]:
                assert (row["state"], row["responder_box"], row["deputy_box"]) == ("withdrawn", None, None)
            elif row["state"] == "waiting":
                # somebody is told of it now or later, or has been told all there is
                assert row["next_at"] is not None or row["step"] == 3
                assert not known["read"]
            else:
                assert known["read"]
            assert row["lit_on"].hour == row["changed_on"].hour == 0

    @invariant()
    def alerts_never_name_a_member(self) -> None:
        if self.lit:
            for _, said in self.run(self.house.alerts()):
                assert "Canary" not in said


def test_candles_keep_their_promises_in_any_order(make_house: Any) -> None:
    class Here(Candles):
        make = staticmethod(make_house)

    run_state_machine_as_test(Here, settings=settings(max_examples=8, stateful_step_count=10, deadline=None))
