"""Erase a person: what names them goes, what must stay countable stays under an id that leads to nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import profiles
from tertulia.storage import audit, people, tables, ties
from tertulia.storage.database import Tx, upsert
from tertulia.surveys.ballots import ballot_id
from tertulia.surveys.candle import life as candles
from tertulia.surveys.feedback import conversations

DELETED = (
    tables.response,
    tables.opt_out,
    tables.role,
    tables.membership,
    tables.budget,
    tables.link,
    tables.web_session,
    tables.session_origin,
    tables.api_token,
    tables.code,
    tables.match_history,
    tables.avoidance,
    tables.sign_up,
    tables.round_share,
    tables.reservation,
    tables.past_result,
    tables.private_answer,
    tables.gallery_item,
    tables.celebration,
    tables.employment,
    tables.affinity_member,
)
"""Whose rows of the person are deleted."""


async def erase(runtime: Runtime, tx: Tx, organization: Id, person: Id, actor: str) -> None:
    """Erase a person and whoever was merged into them; repeating it is harmless, nothing brings them back.

    A tombstone lets a restored backup be erased again. What was already shown on a platform stays there.
    """
    person = await people.current(tx, organization, person)
    known = await people.person(tx, organization, person)
    if known is None:
        raise Mistake("There is no such person in this organization; list them with `tertulia people list`.")
    if known.erased:
        return
    selves = await people.selves(tx, organization, person)
    await people.hold(tx, organization, selves)
    now = runtime.clock.now()
    rows = [{"organization_id": organization, "person_id": one, "erased_at": now} for one in selves]
    await upsert(tx, tables.tombstone, rows, keys=["person_id"])
    await _forget(runtime, tx, organization, selves)
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=now,
        actor=actor,
        verb="person.erase",
        subject=person,
        detail={},
    )


async def reapply_tombstones(runtime: Runtime, tx: Tx) -> int:
    """Erase again who was erased before a backup was restored; return how many persons that were."""
    await candles.forget_withdrawn(tx)
    await conversations.forget_deleted(tx)
    tombstone, person = tables.tombstone, tables.person
    query = (
        sa.select(tombstone.c.organization_id, tombstone.c.person_id)
        .join(person, person.c.id == tombstone.c.person_id)
        .where(person.c.organization_id == tombstone.c.organization_id, person.c.erased_at.is_(None))
        .order_by(tombstone.c.person_id)
    )
    alive = (await tx.execute(query)).all()
    for organization, one in alive:
        await _forget(runtime, tx, organization, [one])
        await audit.record(
            tx,
            runtime.vault,
            organization=organization,
            at=runtime.clock.now(),
            actor="restore",
            verb="person.erase",
            subject=one,
            detail={},
        )
    return len(alive)


async def _forget(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    await _delete_ballots(runtime, tx, organization, selves)
    await candles.forget(runtime, tx, organization, selves)
    await _delete_accounts(tx, organization, selves)
    await _delete_pictures(tx, organization, selves)
    for table in DELETED:
        await tx.execute(table.delete().where(table.c.organization_id == organization, table.c.person_id.in_(selves)))
    facts = tables.participation
    mine = (facts.c.organization_id == organization, facts.c.person_id.in_(selves))
    await tx.execute(facts.update().where(*mine).values(person_id=None, identity_id=None))
    await ties.forget(tx, runtime.vault, organization, selves)
    said = tables.kudos
    either = sa.or_(said.c.giver_id.in_(selves), said.c.receiver_id.in_(selves))
    await tx.execute(said.delete().where(said.c.organization_id == organization, either))
    lists = tables.avoidance
    await tx.execute(lists.delete().where(lists.c.organization_id == organization, lists.c.avoided_id.in_(selves)))
    for one in selves:
        await _replace(tx, organization, one, runtime.new_id())
    await _empty(runtime, tx, organization, selves)


async def _delete_ballots(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    """Delete the ballots of rounds whose secret still stands; the others are destroyed already."""
    round_, ballot = tables.round_table, tables.ballot
    query = sa.select(round_.c.id).where(
        round_.c.organization_id == organization,
        round_.c.confidential.is_(True),
        round_.c.state.in_(["open", "closing"]),
    )
    for round_id in (await tx.execute(query)).scalars().all():
        keys = runtime.keys.find(round_id)
        if keys is not None:
            cast = [ballot_id(keys.secret, one) for one in selves]
            await tx.execute(ballot.delete().where(ballot.c.round_id == round_id, ballot.c.id.in_(cast)))


async def _delete_pictures(tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    item, picture = tables.gallery_item, tables.gallery_picture
    mine = sa.select(item.c.id).where(item.c.organization_id == organization, item.c.person_id.in_(selves))
    await tx.execute(picture.delete().where(picture.c.item_id.in_(mine)))


async def _delete_accounts(tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    identity, change, merge = tables.identity, tables.identity_change, tables.identity_merge
    seat = tables.seat
    mine = sa.select(identity.c.id).where(
        identity.c.organization_id == organization, identity.c.person_id.in_(selves)
    )
    of = change.c.organization_id == organization
    await tx.execute(change.delete().where(of, change.c.identity_id.in_(mine)))
    for column in (change.c.from_person, change.c.to_person):
        await tx.execute(change.update().where(of, column.in_(selves)).values({column.name: None}))
    await tx.execute(seat.delete().where(seat.c.organization_id == organization, seat.c.identity_id.in_(mine)))
    for table in (tables.delivery, tables.participation):
        theirs = (table.c.organization_id == organization, table.c.identity_id.in_(mine))
        await tx.execute(table.update().where(*theirs).values(identity_id=None))
    await tx.execute(
        identity.delete().where(identity.c.organization_id == organization, identity.c.person_id.in_(selves))
    )
    either = sa.or_(merge.c.kept.in_(selves), merge.c.gone.in_(selves))
    await tx.execute(merge.delete().where(merge.c.organization_id == organization, either))


async def _replace(tx: Tx, organization: Id, person: Id, nobody: Id) -> None:
    """Put the same fresh id wherever a count, or the ledger of who was asked and who answered, needs one."""
    sent, ledger, hosted, program = tables.delivery, tables.respondent, tables.session, tables.program
    counted = tables.measure_roster
    mine = (sent.c.organization_id == organization, sent.c.target == "person", sent.c.recipient == person)
    unsent = (*mine, sent.c.state == "planned")
    await tx.execute(sent.update().where(*unsent).values(state="skipped", reason="erased"))
    await tx.execute(sent.update().where(*mine).values(recipient=nobody, identity_id=None, ref=None))
    advice, wish = tables.recommendation.c, tables.proposal.c
    people_ = (ledger.c.person_id, counted.c.person_id, hosted.c.host_id, program.c.applied_by)
    for column in (*people_, advice.owner_id, advice.decided_by, wish.proposed_by, wish.decided_by):
        theirs = (column.table.c.organization_id == organization, column == person)
        await tx.execute(sa.update(column.table).where(*theirs).values({column.name: nobody}))
    for column in (hosted.c.groups, tables.round_table.c.content, tables.round_table.c.summary, wish.detail):
        await _replace_in_documents(tx, organization, column, person, nobody)


async def _replace_in_documents(tx: Tx, organization: Id, column: sa.Column[object], person: Id, nobody: Id) -> None:
    table = column.table
    holds = (table.c.organization_id == organization, sa.cast(column, sa.Text).contains(person))
    for row in (await tx.execute(sa.select(table.c.id, column).where(*holds))).all():
        replaced = json.loads(json.dumps(row[1]).replace(person, nobody))
        await tx.execute(sa.update(table).where(table.c.id == row[0]).values({column.name: replaced}))


async def _empty(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    table = tables.person
    mine = (table.c.organization_id == organization, table.c.id.in_(selves))
    emptied = {**profiles.EMPTY, "name": "", "zone": "UTC", "languages": ["en"], "merged_into": None}
    await tx.execute(
        table.update()
        .where(*mine)
        .values(**emptied, preferred_channel=None, snoozed_until=None, erased_at=runtime.clock.now())
    )
