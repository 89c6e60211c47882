"""Ask question after question in a live round: open the next, close the one that is asked, end with one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id
from tertulia.errors import Refused
from tertulia.kinds import Played
from tertulia.live import Question
from tertulia.runtime import Runtime
from tertulia.services import closing, live_board, opening, rounds
from tertulia.services.live_board import Asked
from tertulia.services.live_sessions import Session
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_follow_up, round_table, seat

Act: TypeAlias = Callable[[Runtime, Tx, Session, int], Awaitable[None]]
NOT_PLAYED = "this is not held question after question"


async def show(runtime: Runtime, tx: Tx, session: Session, number: int) -> None:
    """Open question *number*, counted from 1, and close the one before; one that was opened stays as it is."""
    round_, kind = await _played(runtime, tx, session)
    steps, before = kind.steps(round_.content), await live_board.asked(tx, session.organization, round_.id)
    if number <= len(before):
        return
    if session.state != "asking" or number != len(before) + 1 or number > len(steps):
        raise Refused(f"question {number} cannot be asked now", 409)
    for one in before:
        await _close(runtime, tx, one)
    # what somebody whom nobody knows said was about the question before
    mine = (seat.c.organization_id == session.organization, seat.c.session_id == session.id)
    await tx.execute(seat.update().where(*mine).values({"passed": None, "values": None}))
    await _open(runtime, tx, round_, number, dict(steps[number - 1]))


async def close(runtime: Runtime, tx: Tx, session: Session, number: int) -> None:
    """Close question *number* before its time; one that has closed stays as it is."""
    round_, _ = await _played(runtime, tx, session)
    for one in await live_board.asked(tx, session.organization, round_.id):
        if one.number == number:
            await _close(runtime, tx, one)
            return
    raise Refused(f"question {number} was not asked", 409)


async def finish(runtime: Runtime, tx: Tx, session: Session) -> None:
    """Close what is open and make one answer of all; does nothing for a session that asks a single question."""
    round_ = await rounds.find(tx, session.round, session.organization)
    if round_ is None or not live_board.is_played(runtime.plugins.ritual(round_.kind)):
        return
    for one in await live_board.asked(tx, session.organization, round_.id):
        await _close(runtime, tx, one)
    await live_board.join_answers(runtime, tx, round_)


async def standing(runtime: Runtime, tx: Tx, session: Session) -> Question | None:
    """Tell which question is asked; `None` before the first, and where a session asks a single one."""
    found = await live_board.asked(tx, session.organization, session.round)
    round_ = await rounds.find(tx, session.round, session.organization) if found else None
    kind = runtime.plugins.ritual(round_.kind) if round_ else None
    if round_ is None or not isinstance(kind, Played):
        return None
    of, last = len(kind.steps(round_.content)), found[-1]
    return Question(number=last.number, of=of, ends=last.closes, closed=last.closed)


async def _played(runtime: Runtime, tx: Tx, session: Session) -> tuple[RoundRow, Played]:
    round_ = await rounds.find(tx, session.round, session.organization)
    kind = runtime.plugins.ritual(round_.kind) if round_ else None
    if round_ is None or not isinstance(kind, Played):
        raise Refused(NOT_PLAYED, 409)
    return round_, kind


async def _open(runtime: Runtime, tx: Tx, root: RoundRow, number: int, content: dict[str, object]) -> Id:
    """Write the question's round, open from now on, and post it to the practice's places."""
    now, round_id = runtime.clock.now(), runtime.new_id()
    seconds = content.get("seconds")
    closes = now + timedelta(seconds=seconds if isinstance(seconds, int) else 60)
    practice = await rounds.practice_of(tx, root)
    named, asked = live_board.stage(number), {**content, "stage": live_board.stage(number)}
    row = {
        "organization_id": root.organization,
        "id": round_id,
        "workspace_id": root.workspace,
        "practice": root.practice,
        "kind": root.kind,
        "program_version": root.program_version,
        "occurrence": f"{rounds.STAGE}{round_id}",
        "state": "open",
        "next_action": "close",
        "next_at": closes,
        "opens_at": now,
        "closes_at": closes,
        "confidential": False,
        "content": asked,
    }
    await tx.execute(round_table.insert().values(row))
    of = {"organization_id": root.organization, "round_id": round_id, "parent_id": root.id, "root_id": root.id}
    await tx.execute(round_follow_up.insert().values(**of, stage=named, ask="place", reminders=[]))
    opened = await rounds.find(tx, round_id)
    if opened is not None and practice.places:
        await planning.write_postings(runtime, tx, opened, practice, "post", now)
        await opening.set_timer(tx, opened, await opening.next_step_of(tx, opened, practice, closes))
    return round_id


async def _close(runtime: Runtime, tx: Tx, question: Asked) -> None:
    """Take no more answers to a question, and tell its places how it stands."""
    round_ = await rounds.find(tx, question.round, lock=True)
    if round_ is not None and round_.state == "open":
        await closing.start_close(runtime, tx, round_)
        round_ = replace(round_, state="closing")
    if round_ is not None and round_.state == "closing":
        await closing.finish_close(runtime, tx, round_)
