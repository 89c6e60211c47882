"""What follows a round that has closed: further stages, who is known to have taken part, and who met whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, Set
from itertools import permutations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.kinds import Conclusion, FollowUp, Gave, Led, Outcome, Questioned, Share, Staged
from tertulia.runtime import Runtime
from tertulia.services import dealing, effects, past_results, rounds, sign_ups
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals, ties
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import (
    delivery,
    participation,
    response,
    role,
    round_follow_up,
    round_table,
)
from tertulia.storage.ties import Tie
from tertulia.surveys.leadership import asking
from tertulia.traits import Pictured, Queued

PLATFORM = "web"
"""What is noted where nobody said anything through a platform."""
LOOK_BACK = 6
"""Rounds of a practice in which silence is counted at most."""
REACHED = ("sent", "ambiguous")


async def conclude(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Let the round's kind decide what follows, and plan it, in the transaction that closes the round."""
    kind = runtime.plugins.ritual(round_.kind)
    if not isinstance(kind, Staged) or round_.confidential:
        return
    root = await rounds.root_of(tx, round_)
    outcome = await _outcome(runtime, tx, round_, root)
    conclusion = kind.conclude(round_.content, outcome)
    for follow_up in conclusion.follow_ups:
        await plan(runtime, tx, round_, root, follow_up)
    await _record(runtime, tx, round_, root, conclusion)
    await move_up(runtime, tx, round_, root)


async def move_up(runtime: Runtime, tx: Tx, round_: RoundRow, root: Id) -> None:
    """Plan to tell those for whom a place in a line came free; whoever was told already is not told again."""
    kind = runtime.plugins.ritual(round_.kind)
    if not isinstance(kind, Queued):
        return
    if tx.dialect.name == "postgresql":
        # of two who give up a place at once, the second sees whom the first moved up
        await tx.execute(sa.text("SELECT pg_advisory_xact_lock(842302, hashtext(:root))"), {"root": root})
    lines = await rituals.reserved(tx, round_.organization, root)
    gone = await _gone_of(tx, round_, {one for line in lines.values() for one in line})
    told: dict[Id, list[Share]] = {}
    for stage in await rituals.stages(tx, root):
        for one, kept in (await rituals.shares_of(tx, round_.organization, stage)).items():
            told.setdefault(one, []).append(Share(share=kept.share, group=kept.group))
    present = {item: tuple(one for one in line if one not in gone) for item, line in lines.items()}
    for follow_up in kind.moved_up(round_.content, present, told, runtime.clock.now()):
        await plan(runtime, tx, round_, root, follow_up)


async def plan(runtime: Runtime, tx: Tx, round_: RoundRow, root: Id, follow_up: FollowUp) -> Id:
    """Plan a further stage; it opens at its own instant, on the timer that every round has."""
    if not follow_up.stage or len(follow_up.stage) > 30:
        raise Mistake(f"Kind {round_.kind} plans a stage called {follow_up.stage!r}; its name needs 1 to 30 letters.")
    now, stage_id = runtime.clock.now(), runtime.new_id()
    opens = max(now, follow_up.at)
    await tx.execute(
        round_table.insert().values(
            organization_id=round_.organization,
            id=stage_id,
            workspace_id=round_.workspace,
            practice=round_.practice,
            kind=round_.kind,
            program_version=round_.program_version,
            occurrence=f"{rounds.STAGE}{stage_id}",
            state="planned",
            next_action="open",
            next_at=opens,
            opens_at=opens,
            closes_at=opens + follow_up.open_for,
            confidential=False,
            content={**follow_up.content, "stage": follow_up.stage},
        )
    )
    await tx.execute(
        round_follow_up.insert().values(
            organization_id=round_.organization,
            round_id=stage_id,
            parent_id=round_.id,
            root_id=root,
            stage=follow_up.stage,
            ask=follow_up.ask,
            reminders=[pause.total_seconds() for pause in follow_up.reminders],
        )
    )
    known = await people.persons(tx, round_.organization, list(follow_up.shares))
    shares = {one: share for one, share in follow_up.shares.items() if one in known and not known[one].erased}
    found = await rounds.find(tx, stage_id)
    if found is not None:
        await dealing.keep(tx, found, shares)
    if follow_up.withdraws:
        of = (round_.organization, round_.workspace, round_.practice)
        await sign_ups.withdraw(runtime, tx, *of, list(shares), because="silence")
    return stage_id


async def _outcome(runtime: Runtime, tx: Tx, round_: RoundRow, root: Id) -> Outcome:
    kind = runtime.plugins.ritual(round_.kind)
    gone = await _gone(tx, round_)
    chain = await rituals.stages(tx, root)
    answers = await _answers(tx, round_.organization, chain)
    if isinstance(kind, Pictured):
        hung = await rituals.pictured(tx, round_.organization, root, runtime.clock.now())
        answers[root] = {one: gave for one, gave in answers.get(root, {}).items() if one in hung}
    here = answers.pop(round_.id, {})
    shares = await rituals.shares_of(tx, round_.organization, round_.id)
    lines = await rituals.reserved(tx, round_.organization, root)
    reached = frozenset(await _reached(tx, round_.organization, chain))
    sealed = await effects.private_answers(runtime, tx, round_.organization, root)
    known = await people.persons(tx, round_.organization, (here.keys() | shares.keys()) - gone)
    return Outcome(
        stage=chain.get(round_.id, ""),
        opened_at=round_.opens_at,
        closed_at=runtime.clock.now(),
        invited=frozenset(await _reached(tx, round_.organization, [round_.id])) - gone,
        given=tuple(gave for one, gave in here.items() if one not in gone),
        shares={one: Share(share=kept.share, group=kept.group) for one, kept in shares.items() if one not in gone},
        earlier={
            chain[other]: {one: gave.values for one, gave in said.items() if one not in gone and not gave.passed}
            for other, said in answers.items()
        },
        reserved={item: tuple(one for one in line if one not in gone) for item, line in lines.items()},
        private=tuple(sorted((values for one, values in sealed.items() if one not in gone), key=repr)),
        teams={one.id: one.team for one in known.values()},
        silent=await _silent(tx, round_, root, shares.keys() - gone),
        organisers=tuple(one for one in await _organisers(tx, round_) if one not in gone),
        leaders=await _leaders(tx, round_, kind.leaders(round_.content)) if isinstance(kind, Led) else (),
        reached=reached - await _gone_of(tx, round_, reached),
        questions=await asking.of_round(runtime, tx, round_.organization, root)
        if isinstance(kind, Questioned)
        else (),
    )


async def _gone(tx: Tx, round_: RoundRow) -> frozenset[Id]:
    """Return of whom nothing counts any more: who opted out, or left the practice or the workspace."""
    shares = await rituals.shares_of(tx, round_.organization, round_.id)
    query = sa.select(response.c.person_id).where(response.c.round_id == round_.id)
    return await _gone_of(tx, round_, shares.keys() | set((await tx.execute(query)).scalars()))


async def _gone_of(tx: Tx, round_: RoundRow, ids: Set[Id]) -> frozenset[Id]:
    refused = await people.opt_outs(tx, round_.organization, list(ids))
    present = {one.id for one in await people.members(tx, round_.organization, round_.workspace)}
    left = await sign_ups.gone(tx, round_.organization, round_.workspace, round_.practice)
    out = {one for one, wishes in refused.items() if wishes & {"*", round_.practice}}
    return frozenset(out | (ids - present) | left)


async def _answers(tx: Tx, organization: Id, chain: Iterable[Id]) -> dict[Id, dict[Id, Gave]]:
    of = (response.c.organization_id == organization, response.c.round_id.in_(list(chain)))
    query = sa.select(response).where(*of)
    found: dict[Id, dict[Id, Gave]] = {}
    for row in await tx.execute(query.order_by(response.c.given_at, response.c.person_id)):
        gave = Gave(person=row.person_id, values=row._mapping["values"], passed=row.passed)
        found.setdefault(row.round_id, {})[row.person_id] = gave
    return found


async def _reached(tx: Tx, organization: Id, chain: Iterable[Id]) -> set[Id]:
    query = sa.select(delivery.c.recipient).where(
        delivery.c.organization_id == organization,
        delivery.c.round_id.in_(list(chain)),
        delivery.c.purpose == "invite",
        delivery.c.target == "person",
        delivery.c.state.in_(REACHED),
    )
    return set((await tx.execute(query)).scalars())


async def _silent(tx: Tx, round_: RoundRow, root: Id, persons: Iterable[Id]) -> dict[Id, int]:
    """Count for those on an opt-in practice's list the rounds on end in which they were reached and gave nothing."""
    of = (round_.organization, round_.workspace, round_.practice)
    since = await sign_ups.signed_up(tx, *of, list(persons))
    if not since:
        return {}
    begun = sa.select(round_table.c.opens_at).where(round_table.c.id == root).scalar_subquery()
    follows = sa.exists().where(round_follow_up.c.round_id == round_table.c.id)
    query = sa.select(round_table.c.id, round_table.c.opens_at).where(
        round_table.c.organization_id == round_.organization,
        round_table.c.workspace_id == round_.workspace,
        round_table.c.practice == round_.practice,
        round_table.c.state != "cancelled",
        round_table.c.opens_at <= begun,
        ~follows,
    )
    counts = dict.fromkeys(since, 0)
    counting = set(since)
    for row in await tx.execute(query.order_by(round_table.c.opens_at.desc()).limit(LOOK_BACK)):
        chain = list(await rituals.stages(tx, row.id))
        reached = await _reached(tx, round_.organization, chain)
        grouped = {
            one for one, kept in (await rituals.shares_of(tx, round_.organization, row.id)).items() if kept.group
        }
        # whom no group was found for had nothing to answer
        reached = reached & grouped if grouped else reached
        spoke = {one for said in (await _answers(tx, round_.organization, chain)).values() for one in said}
        counting = {one for one in counting if one not in spoke and since[one] <= row.opens_at}
        for one in counting & reached:
            counts[one] += 1
    return counts


async def _organisers(tx: Tx, round_: RoundRow) -> list[Id]:
    query = sa.select(role.c.person_id).where(
        role.c.organization_id == round_.organization,
        role.c.workspace_id == round_.workspace,
        role.c.role.in_(("host", "admin", "owner")),
    )
    return sorted(set((await tx.execute(query)).scalars()))


async def _leaders(tx: Tx, round_: RoundRow, emails: Sequence[str]) -> tuple[Id, ...]:
    found = [await people.person_by_email(tx, round_.organization, email) for email in emails]
    ids = {one.id for one in found if one is not None and not one.erased}
    return tuple(sorted(ids - await _gone_of(tx, round_, ids)))


async def _record(runtime: Runtime, tx: Tx, round_: RoundRow, root: Id, conclusion: Conclusion) -> None:
    if await rounds.of_group(tx, round_):
        return  # who took part, or met, is in the group
    now = runtime.clock.now()
    told = sa.select(response.c.person_id, response.c.platform).where(response.c.round_id == round_.id)
    through = {row.person_id: row.platform for row in await tx.execute(told)}
    rows = [
        {
            "organization_id": round_.organization,
            "id": hashlib.sha256(f"answered:{root}:{one}".encode()).hexdigest()[:32],
            "workspace_id": round_.workspace,
            "round_id": root,
            "person_id": one,
            "kind": "attended",
            "platform": through.get(one, PLATFORM),
            "started_at": now,
        }
        for one in sorted(conclusion.attended)
    ]
    await upsert(tx, participation, rows, keys=("id",), update=("kind",))
    if conclusion.scores:
        await past_results.remember(tx, round_, conclusion.scores, now)
    met = {pair for group in conclusion.met for pair in permutations(sorted(group), 2)}
    year, week, _ = now.isocalendar()
    together = [Tie(f"{year}-W{week:02d}", "co-attendance", *pair, PLATFORM) for pair in met]
    await ties.add(tx, runtime.vault, round_.organization, round_.workspace, dict.fromkeys(together, 1.0))
