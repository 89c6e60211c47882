"""Give a survey's results back: to everybody who was asked, in the channel that asked them, with what will be done.

They go to all who were asked, and not only to those who answered: who gets them shows nothing, neither in a mail
server's log nor in the table of deliveries. Those who run the program have two days to say what they will do; then
the results go out by themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.delivery.claims import RESULTS
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.domain.planning import Channel, appoint
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Draft
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage import audit, people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, round_table, shard, survey_action

PURPOSE = RESULTS
WAIT = timedelta(days=2)
"""So long after the close results wait for what will be done, unless it was said before."""
TAKES = timedelta(days=7)
"""Who cannot be written to for so long does not get them; they stay on the member's page."""
LONGEST = 500
ENDED = ("closed", "released", "withheld")


async def say(runtime: Runtime, tx: Tx, round_: RoundRow, text: str, *, actor: str) -> int:
    """Add to what will be done about the results of a survey round, and return the sentence's number."""
    said = " ".join(text.replace("\x00", "").split())
    if not round_.confidential or round_.state in ("planned", "cancelled"):
        raise Mistake("This round is no survey that took place; name a survey round from `tertulia rounds list`.")
    if not 0 < len(said) <= LONGEST:
        raise Mistake(f"What will be done has {len(said)} letters; write 1 to {LONGEST}.")
    number = 1 + max(await _numbers(tx, round_), default=0)
    row = {"organization_id": round_.organization, "round_id": round_.id, "number": number}
    now = runtime.clock.now()
    await tx.execute(survey_action.insert().values(**row, text=said, said_at=now))
    await _note(runtime, tx, round_, "survey.say", actor, number)
    return number


async def take_back(runtime: Runtime, tx: Tx, round_: RoundRow, number: int, *, actor: str) -> None:
    """Take back what was said as *number*; messages that were sent stay as they are."""
    if number not in await _numbers(tx, round_):
        raise Mistake(f"Number {number} was not said of this round; `tertulia survey show` lists what was.")
    await tx.execute(
        survey_action.delete().where(survey_action.c.round_id == round_.id, survey_action.c.number == number)
    )
    await _note(runtime, tx, round_, "survey.take_back", actor, number)


async def said(tx: Tx, organization: Id, round_id: Id) -> list[tuple[int, str]]:
    """Return what will be done about a round's results, each with its number, in the order in which it was said."""
    query = sa.select(survey_action.c.number, survey_action.c.text).where(
        survey_action.c.organization_id == organization, survey_action.c.round_id == round_id
    )
    return [(row.number, row.text) for row in await tx.execute(query.order_by(survey_action.c.number))]


async def publish(runtime: Runtime, tx: Tx, round_: RoundRow, *, actor: str) -> None:
    """Send the results now rather than when the wait is over."""
    if round_.next_action != PURPOSE:
        raise Mistake(
            "The results of this round do not wait to be sent: it is still open, or they went out already, or there "
            "are none."
        )
    await tx.execute(
        round_table.update()
        .where(round_table.c.id == round_.id)
        .values(next_at=runtime.clock.now(), step=round_table.c.step + 1)
    )
    await _note(runtime, tx, round_, "survey.publish", actor, None)


async def due(tx: Tx, round_: RoundRow) -> datetime | None:
    """Return when the results of a round that ended are to be sent; `None` where there are none, or they were."""
    if not round_.confidential or round_.state not in ENDED or not (round_.summary or {}).get("shown"):
        return None
    planned = sa.select(shard.c.id).where(shard.c.round_id == round_.id, shard.c.purpose == PURPOSE).limit(1)
    if (await tx.execute(planned)).first() is not None or round_.closes_at is None:
        return None
    return round_.closes_at if await _numbers(tx, round_) else round_.closes_at + WAIT


async def plan(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Plan the messages to everybody who was reached by an invitation, in the channel that carried it."""
    practice, now = await rounds.practice_of(tx, round_), runtime.clock.now()
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    asked = await _asked(tx, round_)
    persons = await people.persons(tx, round_.organization, list(asked))
    opt_outs = await people.opt_outs(tx, round_.organization, list(persons))
    appointments = [
        appoint(
            one,
            practice=practice.key,
            origin=now,
            closes=now + TAKES,
            now=now,
            channels=[asked[one.id]],
            opt_outs=opt_outs.get(one.id, frozenset()),
        )
        for one in sorted(persons.values(), key=lambda one: one.id)
        if not one.erased
    ]
    if appointments:
        budget = program.message_budget if program else 0
        await planning.write_appointments(runtime, tx, round_, PURPOSE, appointments, budget)
    else:
        await planning.write_shards(runtime, tx, round_, PURPOSE, origin=now, due=now, rows=())


async def draft(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, figures: Draft) -> Draft:
    """Add to the *figures* of a round what will be done, and where all of them are."""
    done = [text for _, text in await said(tx, round_.organization, round_.id)]
    promised = Markup.parse("*What will be done:*") + Markup.bullets(done) if done else Markup()
    where = Markup.parse(f"[All figures]({runtime.config.public_url}/my/results/{round_.id}) are on your page.")
    return Draft(title=f"{practice.title}: results", body=figures.body + promised + where, recorded=figures.recorded)


async def _asked(tx: Tx, round_: RoundRow) -> dict[Id, Channel]:
    query = sa.select(
        delivery.c.recipient, delivery.c.platform, delivery.c.installation_id, delivery.c.identity_id
    ).where(
        delivery.c.organization_id == round_.organization,
        delivery.c.round_id == round_.id,
        delivery.c.purpose == "invite",
        delivery.c.target == "person",
        delivery.c.state.in_(("sent", "ambiguous")),
    )
    return {
        row.recipient: Channel(row.platform, row.installation_id, row.identity_id) for row in await tx.execute(query)
    }


async def _numbers(tx: Tx, round_: RoundRow) -> list[int]:
    return [number for number, _ in await said(tx, round_.organization, round_.id)]


async def _note(runtime: Runtime, tx: Tx, round_: RoundRow, verb: str, actor: str, number: int | None) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=round_.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=round_.id,
        detail={"workspace": round_.workspace, **({} if number is None else {"number": number})},
    )
