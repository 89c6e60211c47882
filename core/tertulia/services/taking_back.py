"""Take back what was shared: it is gone from the gallery, from lists, and from what platforms show."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Draft, Prompt
from tertulia.runtime import Runtime
from tertulia.services import gallery, prompts, rounds, summaries
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, tables
from tertulia.storage.database import Tx

GONE = "What was shown here was taken back."
SHOWN = ("sent", "ambiguous")


@dataclass(frozen=True)
class Posted:
    """Hold a message that stands in a place."""

    ref: str
    platform: str
    installation: Id
    place: Id


async def take_back(runtime: Runtime, tx: Tx, organization: Id, person: Id, round_id: Id) -> None:
    """Delete what *person* shares in a round, words and pictures; repeating it is harmless."""
    selves = await people.selves(tx, organization, person)
    await people.hold(tx, organization, selves)
    await gallery.take_down(tx, organization, person, tables.gallery_item.c.round_id == round_id)
    round_ = await rounds.find(tx, round_id, organization)
    if round_ is None or gallery.exhibited(runtime, round_) is None:
        return
    said = tables.response
    of = (said.c.organization_id == organization, said.c.round_id == round_id, said.c.person_id.in_(selves))
    emptied = said.update().where(*of, said.c.passed.is_(False))
    # a pass keeps no words, and nobody who passed is reminded
    changed = await tx.execute(emptied.values({"values": {}, "passed": True, "version": said.c.version + 1}))
    if not changed.rowcount:
        return
    if round_.state == "open":
        ids = [hashlib.sha256(f"answered:{round_id}:{one}".encode()).hexdigest()[:32] for one in selves]
        await tx.execute(tables.participation.delete().where(tables.participation.c.id.in_(ids)))
    await show_again(runtime, tx, round_)


async def show_again(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Let every place that shows the summary of a round show it as it is now."""
    practice = await rounds.practice_of(tx, round_)
    shown = await shown_in_places(tx, round_, "summary")
    if not shown:
        return
    space = await people.workspace(tx, round_.organization, round_.workspace)
    language = space.language if space else "en"
    _, draft = await summaries.summarise(runtime, tx, round_, practice)
    left = draft or Draft(title="", body=Markup.literal(GONE), recorded="Nothing is kept of it.")
    prompt = prompts.compose_summary(runtime, round_, practice, language, left)
    for one in shown:
        await replace_in_place(runtime, tx, round_, one, prompt)


async def shown_in_places(tx: Tx, round_: RoundRow, purpose: str) -> list[Posted]:
    """Return the messages of a round that stand in places."""
    sent = tables.delivery
    query = sa.select(sent.c.ref, sent.c.platform, sent.c.installation_id, sent.c.recipient).where(
        sent.c.organization_id == round_.organization,
        sent.c.round_id == round_.id,
        sent.c.purpose == purpose,
        sent.c.target == "place",
        sent.c.state.in_(SHOWN),
        sent.c.ref.is_not(None),
    )
    return [Posted(row.ref, row.platform, row.installation_id, row.recipient) for row in await tx.execute(query)]


async def replace_in_place(runtime: Runtime, tx: Tx, round_: RoundRow, posted: Posted, prompt: Prompt) -> None:
    """Owe a change of what was *posted*; an older one that was not carried out goes first."""
    identifier = runtime.vault.keyed_hash(f"{round_.id}:{posted.place}", "taken back")[:32]
    await tx.execute(tables.outbox.delete().where(tables.outbox.c.id == identifier))
    told = outbox.PROMPT.dump_python(prompt, mode="json")
    payload = {"platform": posted.platform, "ref": posted.ref, "target": "place", "prompt": told}
    entry = outbox.Entry(
        organization=round_.organization,
        installation=posted.installation,
        purpose="refresh",
        payload=payload,
        identifier=identifier,
    )
    await outbox.put_entry(runtime, tx, entry)
