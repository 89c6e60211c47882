"""Questions as rows: no person and no time in them; they lie by a random id, and a vote is one more of a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.kinds import AskedQuestion
from tertulia.runtime import Runtime
from tertulia.storage import audit
from tertulia.storage.database import Tx
from tertulia.storage.tables import question, round_table
from tertulia.surveys.feedback import rights
from tertulia.surveys.leadership.passes import Pass

LONGEST = 600
LONGEST_ANSWER = 3000
LONGEST_REASON = 300
GONE = "There is no such question in this round; load the page again."
OVER = "This stage is over, so nothing was kept."


def checked(text: str, longest: int = LONGEST) -> str:
    """Return a text as it will be kept; raises `Mistake` for an empty or too long one."""
    # neither a NUL nor half a character can be stored everywhere
    tidy = text.replace("\r\n", "\n").replace("\x00", "").encode(errors="ignore").decode().strip()
    if not tidy:
        raise Mistake("There is nothing written yet.")
    if len(tidy) > longest:
        raise Mistake(f"The text has {len(tidy)} characters; shorten it to at most {longest}.")
    return tidy


async def ask(runtime: Runtime, tx: Tx, pass_: Pass, text: str) -> bool:
    """Take a question; false where the pass was used before, which changes nothing."""
    text = checked(text)
    await _still_open(runtime, tx, pass_)
    if not await rights.spend(tx, pass_.right):
        return False
    identifier, organization = runtime.new_id(), pass_.right.organization
    await tx.execute(
        question.insert().values(
            organization_id=organization,
            id=identifier,
            round_id=pass_.root,
            sealed=runtime.vault.seal(text.encode(), *sealed_place(organization, identifier, "question")),
            state="waiting",
            votes=0,
        )
    )
    return True


async def vote(runtime: Runtime, tx: Tx, pass_: Pass, chosen: Sequence[Id], most: int) -> bool:
    """Count a vote for each of *chosen*; false where the pass was used before, which changes nothing."""
    chosen = sorted(set(chosen))
    if not chosen:
        raise Mistake("Nothing is chosen yet; choose at least one question.")
    if len(chosen) > most:
        raise Mistake(f"That is more than {most}; leave some out.")
    await _still_open(runtime, tx, pass_)
    if not await rights.spend(tx, pass_.right):
        return False
    theirs = (question.c.organization_id == pass_.right.organization, question.c.round_id == pass_.root)
    for one in chosen:
        mine = (*theirs, question.c.id == one, question.c.state == "published")
        if not (await tx.execute(question.update().where(*mine).values(votes=question.c.votes + 1))).rowcount:
            raise Mistake(GONE)
    return True


async def of_round(runtime: Runtime, tx: Tx, organization: Id, root: Id) -> tuple[AskedQuestion, ...]:
    """Return a round's questions, the most wanted first, otherwise in the order of their random ids."""
    query = sa.select(question).where(question.c.organization_id == organization, question.c.round_id == root)
    rows = (await tx.execute(query.order_by(question.c.votes.desc(), question.c.id))).all()
    return tuple(_question(runtime, row) for row in rows)


async def decide(
    runtime: Runtime, tx: Tx, organization: Id, root: Id, identifier: Id, *, publish: bool, reason: str, actor: Id
) -> None:
    """Publish a question, or decline it with a reason that everybody can read; audited by day."""
    why = None if publish else checked(reason, LONGEST_REASON)
    state = "published" if publish else "declined"
    mine = await _own(tx, organization, root, identifier)
    await tx.execute(question.update().where(*mine).values(state=state, reason=why))
    await _note(runtime, tx, organization, f"question.{'publish' if publish else 'decline'}", identifier, actor)


async def answer(
    runtime: Runtime, tx: Tx, organization: Id, root: Id, identifier: Id, text: str, *, actor: Id
) -> None:
    """Keep the answer to a published question, in place of an earlier one; audited by day."""
    sealed = runtime.vault.seal(
        checked(text, LONGEST_ANSWER).encode(), *sealed_place(organization, identifier, "answer")
    )
    mine = await _own(tx, organization, root, identifier)
    if not (
        await tx.execute(question.update().where(*mine, question.c.state == "published").values(answer=sealed))
    ).rowcount:
        raise Mistake("This question is not published; publish it before it is answered.")
    await _note(runtime, tx, organization, "question.answer", identifier, actor)


async def _own(tx: Tx, organization: Id, root: Id, identifier: Id) -> tuple[sa.ColumnElement[bool], ...]:
    mine = (
        question.c.organization_id == organization,
        question.c.round_id == root,
        question.c.id == identifier,
    )
    if (await tx.execute(sa.select(question.c.id).where(*mine).with_for_update())).first() is None:
        raise Mistake(GONE)
    return mine


async def _still_open(runtime: Runtime, tx: Tx, pass_: Pass) -> None:
    # shared, so that the close of the stage waits for what is under way
    query = sa.select(round_table.c.state, round_table.c.closes_at).where(
        round_table.c.organization_id == pass_.right.organization, round_table.c.id == pass_.open
    )
    row = (await tx.execute(query.with_for_update(read=True))).one_or_none()
    if row is None or row.state != "open" or (row.closes_at is not None and row.closes_at <= runtime.clock.now()):
        raise Mistake(OVER)


async def _note(runtime: Runtime, tx: Tx, organization: Id, verb: str, subject: Id, actor: Id) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=_day(runtime.clock.now()),
        actor=actor,
        verb=verb,
        subject=subject,
        detail={},
    )


def _question(runtime: Runtime, row: sa.Row[Any]) -> AskedQuestion:
    def opened(sealed: bytes, part: str) -> str:
        return runtime.vault.open(sealed, *sealed_place(row.organization_id, row.id, part)).decode()

    return AskedQuestion(
        id=row.id,
        text=opened(row.sealed, "question"),
        state=row.state,
        reason=row.reason,
        answer=opened(row.answer, "answer") if row.answer is not None else None,
        votes=row.votes,
    )


def sealed_place(organization: Id, identifier: Id, part: str) -> tuple[str, str, str, str]:
    """Return the associated data that a question's *part*, itself or its answer, is sealed to."""
    return question.name, organization, identifier, part


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
