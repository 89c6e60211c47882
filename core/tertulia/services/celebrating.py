"""Hand wishes over on the day, say in chosen places whose day it is, and take all of it back at a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Draft
from tertulia.extension import RitualKind
from tertulia.kinds import Celebrating, Occasion
from tertulia.runtime import Runtime
from tertulia.services import occasions, prompts, rounds, staging, taking_back
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals, tables
from tertulia.storage.database import Tx

ANNOUNCES = "announces"
"""The key of a stage's content that says which occasion a place is told."""
LOOK_BACK = timedelta(days=60)
"""What was shown longer ago stays where a platform has it."""
GONE = "This was taken back."


async def plan(runtime: Runtime, tx: Tx, round_: RoundRow, kind: RitualKind, celebrated: Sequence[Occasion]) -> None:
    """Plan the stage that hands wishes over for each occasion of a round that opens."""
    if not isinstance(kind, Celebrating):
        return
    for one in celebrated:
        stage = kind.handing_over(round_.content, one)
        content = {**stage.content, ANNOUNCES: one.name, "places": list(one.places)}
        told = replace(stage, content=content, ask="both" if one.places else "each")
        await staging.plan(runtime, tx, round_, round_.id, told)


async def announced(tx: Tx, round_: RoundRow) -> Json | None:
    """Return what a place is shown on the day, `None` where its person took it back, left or opted out."""
    shares = await rituals.shares_of(tx, round_.organization, round_.id)
    shown = await occasions.showable(tx, round_)
    survivors = await people.survivors(tx, round_.organization)
    for one in shares:
        who = shown.get(survivors.get(one, one))
        if who is not None:
            return {"me": None, "name": who.name, "people": [], "about": {}}
    return None


async def take_back(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: str, person: Id, occasion: str
) -> None:
    """Forget what *person* chose for an occasion, before, on or after the day; repeating it is harmless."""
    table = tables.celebration
    selves = await people.selves(tx, organization, person)
    mine = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    this = (table.c.practice == practice, table.c.person_id.in_(selves), table.c.occasion == occasion)
    await tx.execute(table.delete().where(*mine, *this))
    for stage in await _stages(runtime, tx, organization, workspace, practice, selves):
        if stage.content.get(ANNOUNCES) == occasion:
            await _take_back_day(runtime, tx, stage, selves)
            await _take_back_wishes(runtime, tx, await rounds.root_of(tx, stage), selves, occasion)


async def _stages(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: str, selves: Sequence[Id]
) -> list[RoundRow]:
    round_, share = tables.round_table, tables.round_share
    query = (
        sa.select(round_)
        .join(share, share.c.round_id == round_.c.id)
        .where(
            round_.c.organization_id == organization,
            round_.c.workspace_id == workspace,
            round_.c.practice == practice,
            round_.c.occurrence.like(f"{rounds.STAGE}%"),
            round_.c.opens_at > runtime.clock.now() - LOOK_BACK,
            share.c.person_id.in_(selves),
        )
    )
    return [rounds.row_of(record) for record in await tx.execute(query)]


async def _take_back_day(runtime: Runtime, tx: Tx, stage: RoundRow, selves: Sequence[Id]) -> None:
    """Let the day pass: what was planned is not sent, what stands in places is replaced."""
    sent, share = tables.delivery, tables.round_share
    planned = (sent.c.round_id == stage.id, sent.c.state == "planned")
    await tx.execute(sent.update().where(*planned).values(state="skipped", reason="taken back"))
    practice = await rounds.practice_of(tx, stage)
    draft = Draft(title="", body=Markup.literal(GONE), recorded="Nothing is kept of it.")
    for posted in await taking_back.shown_in_places(tx, stage, "post"):
        prompt = prompts.compose_summary(runtime, stage, practice, "en", draft)
        await taking_back.replace_in_place(runtime, tx, stage, posted, prompt)
    await tx.execute(share.delete().where(share.c.round_id == stage.id, share.c.person_id.in_(selves)))
    if stage.state == "planned":
        await rounds.change_state(tx, stage, "cancelled", reason="taken back", next_action=None, next_at=None)


async def _take_back_wishes(runtime: Runtime, tx: Tx, root: Id, selves: Sequence[Id], occasion: str) -> None:
    """Delete what colleagues wrote for the person, and ask them for it no more."""
    round_ = await rounds.find(tx, root)
    if round_ is None:
        return
    said, share = tables.response, tables.round_share
    asked: list[Id] = []
    for row in (await tx.execute(sa.select(share).where(share.c.round_id == root))).all():
        about = row.share.get("about", {})
        gone = [one for one in selves if about.get(one, {}).get("occasion") == occasion]
        if gone:
            asked.append(row.person_id)
            left = {one: told for one, told in about.items() if one not in gone}
            people_ = [one for one in row.share["people"] if one not in gone]
            mine = (share.c.round_id == root, share.c.person_id == row.person_id)
            await tx.execute(share.update().where(*mine).values(share={"people": people_, "about": left}))
    if not asked:
        return
    for row in (await tx.execute(sa.select(said).where(said.c.round_id == root))).all():
        values = {one: text for one, text in row._mapping["values"].items() if one not in selves}
        mine = (said.c.round_id == root, said.c.person_id == row.person_id)
        await tx.execute(said.update().where(*mine).values({"values": values}))
    if round_.state == "open":
        await _ask_again(runtime, tx, round_, asked)


async def _ask_again(runtime: Runtime, tx: Tx, round_: RoundRow, asked: Sequence[Id]) -> None:
    """Replace the question where it was shown already; what came by e-mail shows the new one behind its link."""
    sent = tables.delivery
    query = sa.select(sent).where(
        sent.c.round_id == round_.id,
        sent.c.target == "person",
        sent.c.recipient.in_(asked),
        sent.c.state.in_(taking_back.SHOWN),
        sent.c.ref.is_not(None),
        sent.c.identity_id.is_not(None),
    )
    rows = (await tx.execute(query)).all()
    practice = await rounds.practice_of(tx, round_)
    known = await people.persons(tx, round_.organization, asked)
    seen = await rituals.seen_by(tx, round_.organization, round_.id, asked)
    for row in rows:
        who = known[row.recipient]
        await outbox.put_refresh(
            runtime,
            tx,
            organization=round_.organization,
            installation=row.installation_id,
            platform=row.platform,
            ref=row.ref,
            prompt=prompts.compose(
                runtime, round_, practice, person=who.id, language=who.languages[0], share=seen[who.id]
            ),
            target="person",
        )
