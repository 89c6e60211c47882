"""Take what a person gives to a round: an answer, a change of it, a pass, a pause, or the wish not to be asked."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.people import Person
from tertulia.domain.planning import WEB
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import SEEN_BY, Given, Prompt, Reply, ReplyStatus, Visibility
from tertulia.domain.repeats import remembered
from tertulia.domain.walltime import wall_time
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import arrivals, audiences, effects, preferences, resting, rounds, shares, staging
from tertulia.services.prompts import PASS, Ticket, acknowledged, compose, seen_in_group
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import participation, response, round_table
from tertulia.surveys import ballots, comments
from tertulia.surveys.ballots import Cast
from tertulia.traits import Traits
from tertulia.wording import speaking

LARGEST_ANSWER = 16_000
_BROKEN = re.compile(r"[\ud800-\udfff]|(?<!\\)(?:\\\\)*\\u0000")
CARE = "If you need somebody to look after you, write **candle** to me; it has nothing to do with your answers."
CLOSED = "This round has closed, so nothing was kept."
NOTHING_KEPT = "All right. That you pressed this is not kept."
RESTING = "This rests: these are hard weeks. Nothing was kept, and nothing is expected of you."
NOT_YOURS = "This button is somebody else's; answer with your own."
NOT_A_MEMBER = "You are not a member of the workspace that asks this."
UNKNOWN = "This button does nothing here; open the question again."


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Hold what an answer is judged by, read before anything is written."""

    round: RoundRow
    practice: Practice
    person: Person
    root: Id
    share: Json | None = None


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """Hold a checked answer as it will be kept."""

    given: Given
    visibility: Visibility
    platform: str
    key: str | None


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """Hold what became of an answer, and the version that its row has now."""

    status: Cast
    given: Given
    version: int = 1


async def answer(
    runtime: Runtime, ticket: Ticket, *, person: Id, platform: str, values: Json, key: str | None
) -> Reply:
    """Take what *person* gave through the button of *ticket*, in a transaction of its own.

    A repeated *key* changes nothing and is answered as before. Wrong input is a refused reply that says why.
    """
    async with runtime.database.read() as tx:
        asked = await read(runtime, tx, ticket, person)
    return await take(runtime, ticket, asked, platform=platform, values=values, key=key)


async def take(
    runtime: Runtime, ticket: Ticket, asked: Asked | str, *, platform: str, values: Json, key: str | None
) -> Reply:
    """Take an answer to what `read` returned; where that is a sentence, the answer is refused with it."""
    if isinstance(asked, str):
        return _said("refused", asked)
    try:
        if ticket.verb in ("snooze", "stop"):
            return await _wish(runtime, asked, ticket.verb, values)
        if Traits.of(runtime.plugins.ritual(asked.round.kind)).unrecorded:
            return _said("taken", NOTHING_KEPT)
        given, visibility = _checked(runtime, asked, ticket.verb, values)
        if asked.round.confidential:
            await _previewed(runtime, asked, given, values)
            return await _cast(runtime, asked, given, key, platform)
        taken = _Answer(given=given, visibility=visibility, platform=platform, key=key)
        kept = await runtime.database.group(partial(_keep, runtime, asked, taken))
        asked = await _afresh(runtime, asked)
    except Mistake as mistake:
        return _said("refused", str(mistake))
    return _acknowledge(runtime, asked, ticket, taken, kept)


async def read(runtime: Runtime, tx: Tx, ticket: Ticket, person: Id) -> Asked | str:
    """Return what an answer of *person* is judged by, or the sentence that refuses it; *tx* only reads."""
    known = await people.as_member(tx, ticket.organization, ticket.workspace, person)
    if (
        ticket.person is not None
        and (ticket.person != person or known is None or known.merged)
        and await people.current(tx, ticket.organization, ticket.person) != person
    ):
        return NOT_YOURS
    round_ = await rounds.find(tx, ticket.round, ticket.organization)
    if round_ is None or round_.workspace != ticket.workspace or known is None or known.person.erased:
        return UNKNOWN
    try:
        practice = await rounds.known_practice_of(runtime.database, tx, round_)
        share = await shares.share_of(runtime, tx, round_, runtime.plugins.ritual(round_.kind), person)
    except Mistake as mistake:
        return str(mistake)
    if not known.member and not await arrivals.left_and_asked(tx, round_, practice, person):
        return NOT_A_MEMBER
    if practice.audience.groups:
        whose = (tx, round_.organization, round_.workspace, practice, known.person)
        if not await audiences.includes(*whose):
            return NOT_A_MEMBER
    root = await rounds.root_of(tx, round_)
    return Asked(round=round_, practice=practice, person=known.person, root=root, share=share)


async def _afresh(runtime: Runtime, asked: Asked) -> Asked:
    """Read a share again that shows what its group gave, the answer just kept among it."""
    kind = runtime.plugins.ritual(asked.round.kind)
    if asked.share is None or not shares.keeps(kind, asked.round):
        return asked
    async with runtime.database.read() as tx:
        return replace(asked, share=await shares.share_of(runtime, tx, asked.round, kind, asked.person.id))


async def _wish(runtime: Runtime, asked: Asked, verb: str, values: Json) -> Reply:
    organization, person = asked.round.organization, asked.person
    async with runtime.database.write() as tx:
        if verb == "stop":
            await preferences.opt_out(runtime, tx, organization, person.id, asked.practice.key)
            return _said("taken", f"You will not be invited to “{asked.practice.title}” again, until you wish so.")
        until = runtime.clock.now() + timedelta(days=_days(values))
        await preferences.snooze(runtime, tx, organization, person.id, until)
    return _said("taken", f"Nothing will be sent to you before {wall_time(until, person.zone):%d %B %Y, %H:%M}.")


def _days(values: Json) -> int:
    days = values.get("days", 1)
    if isinstance(days, str) and days.isdecimal() and len(days) < 4:
        days = int(days)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 366:
        raise Mistake("The number of days is not between 1 and 366; choose such a number.")
    return days


def _checked(runtime: Runtime, asked: Asked, verb: str, values: Json) -> tuple[Given, Visibility]:
    shown = _shown(runtime, asked)
    if verb == PASS.verb:
        return Given(passed=True), shown.visibility
    if verb not in {action.verb for action in shown.actions}:
        raise Mistake(UNKNOWN)
    kind = runtime.plugins.ritual(asked.round.kind)
    with speaking(asked.person.languages[0] if asked.person.languages else "en"):
        given = shares.accept(kind, asked.round.content, asked.share, verb, values)
    if given.passed:
        # a survey may count why; a ritual keeps nothing of a pass, and who passes may give up a place
        values = given.values if asked.round.confidential else {}
        return Given(values=values, passed=True, reserves=given.reserves), shown.visibility
    check_storable(given.values)
    return given, given.visibility or shown.visibility


def check_storable(values: Json) -> None:
    """Refuse what is too long or holds NUL or half a character, for kinds that did not look."""
    written = json.dumps(dict(values), ensure_ascii=False)
    if len(written) > LARGEST_ANSWER:
        raise Mistake("Your answer is too long; shorten its texts.")
    if _BROKEN.search(written):
        raise Mistake("Your answer holds a character that cannot be kept; write it anew.")


async def _previewed(runtime: Runtime, asked: Asked, given: Given, values: Json) -> None:
    """Stop a comment that seems to name somebody before it is sent, unless its author has seen that."""
    if comments.KEY in given.values:
        async with runtime.database.read() as tx:
            await comments.preview(tx, asked.round.organization, asked.round.workspace, values)


async def _cast(runtime: Runtime, asked: Asked, given: Given, key: str | None, platform: str) -> Reply:
    # never in a group with other writes: a transaction they share would tell when the ballot came
    async with runtime.database.write() as tx:
        status = await ballots.cast(runtime, tx, asked.round.id, asked.person.id, given.values, key)
    if status == "closed":
        return _said("closed", CLOSED)
    what = "You passed; that is sealed like an answer" if given.passed else "Your answer is sealed without your name"
    text = Markup.literal(f"Thank you. {what}, and only rounded figures are shown.{_until(asked)}")
    if platform != WEB:
        text += Markup.parse(CARE)  # the web's last page has a button for it
    # what was answered is not sent back: a platform would keep it beside the name
    return Reply(status=status, prompt=acknowledged(_shown(runtime, asked), text), text=text, private=True)


async def _keep(runtime: Runtime, asked: Asked, taken: _Answer, tx: Tx) -> _Kept:
    if not await _is_open(runtime, tx, asked.round.id):
        return _Kept(status="closed", given=taken.given)
    place = {"round_id": asked.round.id, "person_id": asked.person.id}
    digest = runtime.vault.keyed_hash(f"{asked.round.id}:{taken.key}", "answer")[:16] if taken.key else None
    query = sa.select(response, response.c["keys"].label("known")).filter_by(**place).with_for_update()
    first = _response(runtime, asked, taken) | {"version": 1, "keys": remembered([], digest)}
    before = None
    # most answers are first ones; where one is there, it is changed, and where that was erased meanwhile, begin again
    while not await upsert(tx, response, [place | first], keys=("round_id", "person_id")):
        before = (await tx.execute(query)).one_or_none()
        if before is not None:
            break
    if before is not None:
        known: list[str] = list(before.known or ())
        if digest in known:
            status: Cast = "taken" if known[0] == digest else "changed"
            given = Given(values=before._mapping["values"], passed=before.passed)
            return _Kept(status=status, given=given, version=before.version)
        changed = {"version": before.version + 1, "keys": remembered(known, digest)}
        await tx.execute(response.update().filter_by(**place).values(_response(runtime, asked, taken) | changed))
    await _note_participation(runtime, tx, asked, taken)
    await effects.carry_out(runtime, tx, asked.round, asked.root, asked.person.id, taken.given, taken.platform)
    if taken.given.reserves is not None:
        await staging.move_up(runtime, tx, asked.round, asked.root)
    if before is None:
        return _Kept(status="taken", given=taken.given)
    return _Kept(status="changed", given=taken.given, version=before.version + 1)


def _response(runtime: Runtime, asked: Asked, taken: _Answer) -> dict[str, Any]:
    return {
        "organization_id": asked.round.organization,
        "values": dict(taken.given.values),
        "passed": taken.given.passed,
        "visibility": taken.visibility,
        "platform": taken.platform,
        "given_at": runtime.clock.now(),
    }


async def _is_open(runtime: Runtime, tx: Tx, round_id: Id) -> bool:
    # shared, so that a close waits for the answers under way and none comes after it
    row = (await tx.execute(_STATE, {"round": round_id})).one()
    return row.state == "open" and (row.closes_at is None or runtime.clock.now() < row.closes_at)


_STATE = (
    sa.select(round_table.c.state, round_table.c.closes_at)
    .where(round_table.c.id == sa.bindparam("round"))
    .with_for_update(read=True)
)


async def _note_participation(runtime: Runtime, tx: Tx, asked: Asked, taken: _Answer) -> None:
    """Count the person once in the round, on whatever platform; who passed did not take part."""
    round_, person = asked.round, asked.person.id
    id_ = hashlib.sha256(f"answered:{asked.root}:{person}".encode()).hexdigest()[:32]
    if asked.practice.audience.groups:
        return  # who takes part is in the group
    if taken.given.passed or not taken.given.counts:
        if asked.root == round_.id:
            await tx.execute(participation.delete().where(participation.c.id == id_))
        return
    row = {
        "organization_id": round_.organization,
        "id": id_,
        "workspace_id": round_.workspace,
        "round_id": asked.root,
        "person_id": person,
        "kind": "answered",
        "platform": taken.platform,
        "started_at": runtime.clock.now(),
    }
    await upsert(tx, participation, [row], keys=("id",))


def _acknowledge(runtime: Runtime, asked: Asked, ticket: Ticket, taken: _Answer, kept: _Kept) -> Reply:
    if kept.status == "closed":
        return _said("closed", RESTING if asked.round.reason == resting.RESTS else CLOSED)
    if kept.given.passed:
        what = "You passed: that is counted, and nobody is told who did."
    else:
        group = seen_in_group(asked.practice) if taken.visibility == "workspace" else ""
        what = f"Thank you. Your answer is kept under your name; {SEEN_BY[taken.visibility]}. {group}".strip()
    own = None if kept.given.passed else taken.given.reply
    text = Markup.literal(own or what + _until(asked))
    if ticket.person is None:
        # the question in a shared place stays everyone's
        return Reply(status=kept.status, text=text, private=True)
    prompt = _shown(runtime, asked, given=kept.given, version=kept.version + 1)
    return Reply(status=kept.status, prompt=acknowledged(prompt, text), text=text)


def _shown(runtime: Runtime, asked: Asked, given: Given | None = None, version: int = 1) -> Prompt:
    person = asked.person
    return compose(
        runtime,
        asked.round,
        asked.practice,
        person=person.id,
        language=person.languages[0] if person.languages else "en",
        given=given,
        version=version,
        share=asked.share,
    )


def _until(asked: Asked) -> str:
    closes = asked.round.closes_at
    if closes is None:
        return " You can change it until the round closes."
    return f" You can change it until {wall_time(closes, asked.person.zone):%d %B, %H:%M} your time."


def _said(status: ReplyStatus, text: str) -> Reply:
    return Reply(status=status, text=Markup.literal(text), private=True)
