"""What watches meetings for panels: kept while panels ask, forgotten afterwards, and never taken for another."""

from __future__ import annotations

import asyncio
from typing import Any

from tertulia.testing.context import FakeContext
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import Desk
from tertulia_zoom.panel_acts import MEETINGS_KNOWN, Panels, session_key
from tertulia_zoom.panel_pass import Pass
from tertulia_zoom.stand_in import ZoomServer


def panels() -> Panels:
    context: Any = FakeContext(settings=Settings(**ZoomServer().settings(stand_in="http://127.0.0.1:1")))
    return Panels(Desk(context))


def visitor(meeting: int) -> Pass:
    return Pass(user="", visitor="ab", meeting=f"m{meeting}", number="1", hosting=False, since=0.0, until=0.0)


async def runs(shared: Panels, who: Pass) -> str:
    """Let a session run in the pass's meeting."""
    session = await shared.context.live.start(shared.desk.place("1"), shared.desk.actor("hana"), "icebreaker", {})
    await shared.context.store.put(session_key(who), {"session": session})
    return session


async def test_meetings_that_nobody_asks_about_are_forgotten() -> None:
    shared = panels()
    for meeting in range(3 * MEETINGS_KNOWN):
        await shared.watch(visitor(meeting)).after(0, 5)
        shared.watch(visitor(0))
    assert len(shared.watches) <= MEETINGS_KNOWN
    assert {"m0", f"m{3 * MEETINGS_KNOWN - 1}"} <= shared.watches.keys(), "who was asked about last is kept"


async def test_a_meeting_that_panels_wait_for_is_kept() -> None:
    shared = panels()
    watch = shared.watch(visitor(0))
    known = await watch.after(0, 5)
    waiting = asyncio.create_task(watch.after(known.number, 600))
    while not watch.waiting:  # noqa: ASYNC110 - the task above begins to wait at its first step
        await asyncio.sleep(0)
    for meeting in range(1, 2 * MEETINGS_KNOWN):
        shared.watch(visitor(meeting))
    assert shared.watch(visitor(0)) is watch
    session = await runs(shared, visitor(0))
    watch.nudge()
    assert (await asyncio.wait_for(waiting, 60)).session == session


async def test_whoever_comes_back_after_that_sees_how_it_stands_now() -> None:
    shared = panels()
    known = (await shared.watch(visitor(0)).after(0, 5)).number
    for meeting in range(1, 2 * MEETINGS_KNOWN):
        await shared.watch(visitor(meeting)).after(0, 5)
    assert "m0" not in shared.watches
    session = await runs(shared, visitor(0))
    seen = await asyncio.wait_for(shared.watch(visitor(0)).after(known, 600), 60)
    assert seen.session == session
    assert seen.number > known
