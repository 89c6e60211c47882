"""Say what came of a round: figures to keep, and what may be shown of them.

A named answer is shown only to those its giver was told: what is for everyone in the workspace always, what is for
the team only where the round's audience is one team, what is for the giver alone never. Of a survey only published
cells are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Draft
from tertulia.domain.surveys import FEWEST_ANSWERS, Item
from tertulia.extension import Itemised, RitualKind, Shared, Tally
from tertulia.kinds import Counted, Thanking
from tertulia.runtime import Runtime
from tertulia.services import kudos_digest, live_board, live_seats, resting
from tertulia.services.rounds import RoundRow
from tertulia.storage import cells, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, membership, opt_out, person, response
from tertulia.surveys import ballots, reading

RESTED = Draft(
    title="",
    body=Markup.literal(
        "These are hard weeks, so this rests for now. Thank you for what you gave. If you need somebody, write "
        "candle to me in private."
    ),
    recorded="Nothing is recorded.",
    visibility="me",
)
"""What takes the place of a round that hard weeks ended."""
NOT_REACHED = ("skipped", "failed")


async def summarise(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice) -> tuple[Json, Draft | None]:
    """Return the figures of a round and what may be shown of it, `None` where nothing may.

    Of a survey what was kept at its close is shown; one of which nothing is counted loses its ballots here.
    """
    if round_.state == "cancelled":
        return {}, RESTED if round_.reason == resting.RESTS else None
    if round_.confidential and round_.summary:
        kept: Json = round_.summary.get("figures", {})
        return kept, _unpacked(kept.get("shown"))
    if round_.confidential:
        return await _survey(runtime, tx, round_)
    kind = runtime.plugins.ritual(round_.kind)
    space = await people.workspace(tx, round_.organization, round_.workspace)
    language = space.language if space else "en"
    return await _ritual(runtime, tx, round_, practice, kind, language)


async def summarise_release(
    runtime: Runtime, tx: Tx, round_: RoundRow, items: Sequence[Item], figures: Json
) -> tuple[Json, Draft | None]:
    """Return the figures of a survey of *items* and what is said of the published cells of everybody."""
    kind = runtime.plugins.ritual(round_.kind)
    space = await people.workspace(tx, round_.organization, round_.workspace)
    whole = {
        one.item: {
            "answered": one.answered,
            "figures": {str(f["name"]): int(f["value"]) for f in one.figures},
            "bounds": {str(f["name"]): (int(f["low"]), int(f["high"])) for f in one.figures},
        }
        for one in await cells.of_round(tx, round_.organization, round_.id)
        if one.family == "company"
    }
    tally = Tally(invited=figures["invited"], answered=figures["answered"], passed=0)
    language = space.language if space else "en"
    if isinstance(kind, Itemised):
        draft = kind.results(round_.content, whole, tally, language)
    else:
        draft = _told(items, whole, tally)
    return {**figures, "shown": _packed(draft)}, draft


def _told(items: Sequence[Item], whole: Mapping[str, Json], tally: Tally) -> Draft:
    """Say what is published of everybody for a kind that does not say it itself."""
    lines = [
        f"{item.text}: {reading.read(item, whole[item.key]['answered'], whole[item.key]['figures']).words}"
        for item in items
        if item.key in whole
    ]
    if lines:
        body = Markup.literal(f"At least {tally.answered} people answered.") + Markup.bullets(lines)
    else:
        body = Markup.literal("Nothing is published: too few answered, or a figure told too much.")
    recorded = "Counts are rounded, so that nobody's answer follows from them; ballots and keys are destroyed."
    return Draft(title="", body=body, recorded=recorded)


async def invited(tx: Tx, round_: RoundRow) -> set[Id]:
    """Return who was reached by an invitation of the round."""
    query = sa.select(delivery.c.recipient).where(
        delivery.c.organization_id == round_.organization,
        delivery.c.round_id == round_.id,
        delivery.c.purpose == "invite",
        delivery.c.target == "person",
        delivery.c.state.not_in(NOT_REACHED),
    )
    return set((await tx.execute(query)).scalars())


async def _ritual(
    runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, kind: RitualKind, language: str
) -> tuple[Json, Draft | None]:
    if round_.summary:
        # guests are counted in them, whose answers went at the close
        kept: Json = round_.summary.get("figures", {})
        tally = Tally(invited=kept["invited"], answered=kept["answered"], passed=kept["passed"])
    else:
        answered, passed = await turnout(tx, round_.organization, round_.id)
        tally = Tally(invited=len(await invited(tx, round_)), answered=answered, passed=passed)
    visible = ["workspace", "team"] if await _one_team(tx, round_, practice) else ["workspace"]
    figures = {"invited": tally.invited, "answered": tally.answered, "passed": tally.passed}
    if isinstance(kind, Thanking):
        digest = await kudos_digest.of_round(runtime, tx, round_, practice)
        shown = kind.digest(round_.content, digest.thanks, digest.crossing, language)
        return figures | ({kudos_digest.CROSSING: digest.crossing} if digest.crossing is not None else {}), shown
    if isinstance(kind, Counted):
        tally = replace(tally, counted=kind.count(round_.content, await _everything(tx, round_)))
    draft = await live_board.of_stage(runtime, tx, round_, language)
    if draft is None:
        draft = kind.summary(round_.content, await shared(tx, round_, visible), tally, language)
    return figures, draft


async def _everything(tx: Tx, round_: RoundRow) -> list[Json]:
    """Return what everybody gave, without names; who is gone or opted out of the practice is left out."""
    wishes = sa.exists().where(
        opt_out.c.organization_id == round_.organization,
        opt_out.c.person_id == response.c.person_id,
        opt_out.c.practice.in_(("*", round_.practice)),
    )
    query = (
        sa.select(response.c["values"])
        .join(person, person.c.id == response.c.person_id)
        .where(
            response.c.organization_id == round_.organization,
            response.c.round_id == round_.id,
            response.c.passed.is_(False),
            person.c.erased_at.is_(None),
            ~wishes,
        )
        .order_by(response.c.person_id)
    )
    return [dict(values) for values in (await tx.execute(query)).scalars()]


async def turnout(tx: Tx, organization: Id, round_id: Id) -> tuple[int, int]:
    """Count who answered and who passed, whom nobody knows included."""
    whose = (response.c.organization_id == organization, response.c.round_id == round_id)
    query = sa.select(response.c.passed, sa.func.count()).where(*whose)
    counts = {bool(was_pass): count for was_pass, count in await tx.execute(query.group_by(response.c.passed))}
    answered, passed = await live_seats.turnout(tx, organization, round_id)
    return counts.get(False, 0) + answered, counts.get(True, 0) + passed


async def shared(tx: Tx, round_: RoundRow, visible: Sequence[str]) -> list[Shared]:
    """Return the answers whose visibility is among *visible*, with their givers; passes are not among them."""
    query = (
        sa.select(response, person.c.name, person.c.team)
        .join(person, person.c.id == response.c.person_id)
        .where(
            response.c.organization_id == round_.organization,
            response.c.round_id == round_.id,
            response.c.passed.is_(False),
            response.c.visibility.in_(visible),
            person.c.erased_at.is_(None),
        )
        .order_by(person.c.name, person.c.id)
    )
    return [Shared(values=row._mapping["values"], name=row.name, team=row.team) for row in await tx.execute(query)]


async def _one_team(tx: Tx, round_: RoundRow, practice: Practice) -> bool:
    """Tell whether all whom the round addresses are of one team, so that its places may see what is for the team."""
    query = (
        sa.select(person.c.team)
        .join(membership, membership.c.person_id == person.c.id)
        .where(
            membership.c.organization_id == round_.organization,
            membership.c.workspace_id == round_.workspace,
            membership.c.left_at.is_(None),
            person.c.erased_at.is_(None),
        )
        .distinct()
    )
    if practice.audience.teams:
        query = query.where(person.c.team.in_(practice.audience.teams))
    return len((await tx.execute(query)).all()) <= 1


async def _survey(runtime: Runtime, tx: Tx, round_: RoundRow) -> tuple[Json, None]:
    """Destroy what was given to a survey of which nothing is counted: it has no field of one choice."""
    asked = await invited(tx, round_)
    members = {member.id for member in await people.members(tx, round_.organization, round_.workspace)}
    given = sum(bool(values) for values in await ballots.count_and_destroy(runtime, tx, round_, members | asked))
    answered = given // 5 * 5 if given >= FEWEST_ANSWERS else 0
    return {"invited": len(asked), "answered": answered, "shown": None}, None


def _packed(draft: Draft | None) -> Json | None:
    """Turn a survey's summary into JSON: it is shown after its ballots are gone."""
    if draft is None:
        return None
    blocks = [
        {"bullets": [_spans(item) for item in block.items]}
        if isinstance(block, Bullets)
        else {"text": _spans(block.spans)}
        for block in draft.body.blocks
    ]
    return {"title": draft.title, "recorded": draft.recorded, "body": blocks}


def _spans(spans: Sequence[Span]) -> list[list[object]]:
    return [[span.text, span.bold, span.italic, span.link] for span in spans]


def _unpacked(kept: Json | None) -> Draft | None:
    if kept is None:
        return None
    blocks: list[Block] = [
        Bullets(tuple(_read_spans(item) for item in block["bullets"]))
        if "bullets" in block
        else Paragraph(_read_spans(block["text"]))
        for block in kept["body"]
    ]
    return Draft(title=kept["title"], body=Markup(tuple(blocks)), recorded=kept["recorded"])


def _read_spans(kept: Sequence[Sequence[object]]) -> tuple[Span, ...]:
    return tuple(
        Span(cast(str, text), bold=bool(bold), italic=bool(italic), link=cast("str | None", link))
        for text, bold, italic, link in kept
    )
