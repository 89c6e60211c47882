"""Make one call to a platform and say what became of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from tertulia.capabilities import Platform, RitualPort, SurveyPort
from tertulia.delivery import limits
from tertulia.delivery.claims import RESULTS, Claim, ShardOf
from tertulia.domain.markup import Markup
from tertulia.domain.people import Person, Place, Recipient
from tertulia.domain.prompts import Prompt
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, Unreachable
from tertulia.runtime import Runtime
from tertulia.services import prompts, returning, shares, summaries
from tertulia.services.ports import call_port
from tertulia.storage.tables import delivery, identity

logger = logging.getLogger(__name__)
OPERATOR_PAUSE = timedelta(minutes=5)
NO_WORD = 5.0
REMINDER = Markup.parse("*A reminder: there is still time.*")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Hold what became of a call; *counts* tells whether it uses up an attempt, *after* when to try again.

    *waited* is how many seconds of it went by before a rate limit let it through.
    """

    state: Literal["sent", "planned", "ambiguous", "failed"]
    ref: str | None = None
    reason: str | None = None
    after: timedelta | datetime | None = None
    counts: bool = True
    waited: float = 0.0


async def send(runtime: Runtime, job: ShardOf, found: Claim) -> Outcome:
    """Carry one delivery to its platform; never raises."""
    waits = limits.watch()
    outcome = await _sent(runtime, job, found)
    return replace(outcome, waited=waits.seconds)


async def _sent(runtime: Runtime, job: ShardOf, found: Claim) -> Outcome:
    live = runtime.installations.get(found.installation)
    platform = live.platforms.get(found.platform) if live else None
    if live is None or platform is None:
        return Outcome(state="failed", reason="the plugin was disabled")
    try:
        call = await _prepared(runtime, platform, job, found)
        ref = await call_port(live.plugin, call) if call else None
        return Outcome(state="sent", ref=ref)
    except RetryLater as error:
        if error.everyone is not None:
            await _noted(job, found, live.context.limiter.penalty(error.everyone, pause_of(error.after)))
        return Outcome(state="planned", reason=error.reason, after=error.after, counts=error.after is None)
    except Unreachable as error:
        await _noted(job, found, _note_unreachable(runtime, job, found))
        return Outcome(state="failed", reason=f"unreachable: {error}")
    except OutcomeUnknown as error:
        return Outcome(state="ambiguous", reason=str(error))
    except OperatorError as error:
        logger.error("plugin %s needs its operator, round %s: %s", live.plugin, job.round.id, error)
        return Outcome(state="planned", reason=f"for the operator: {error}", after=OPERATOR_PAUSE, counts=False)
    except Exception:
        logger.exception("delivery %s/%s could not be prepared", job.id, found.seq)
        return Outcome(state="planned", reason="could not be prepared, see the log")


def pause_of(after: timedelta | datetime | None) -> float:
    """Return the seconds that a platform asked for; without a word from it, a few."""
    if isinstance(after, datetime):
        return max(0.0, (after - datetime.now(UTC)).total_seconds())
    return NO_WORD if after is None else after.total_seconds()


async def _prepared(runtime: Runtime, platform: Platform, job: ShardOf, found: Claim) -> Awaitable[str] | None:
    """Return the call to make, with everything that can fail before it already done; `None`: nothing to show."""
    key = runtime.vault.keyed_hash(f"{job.round.id}:{job.purpose}:{found.recipient}", "delivery")[:32]
    if found.person is not None and platform.survey is not None:
        if job.purpose == RESULTS:
            return await _results(runtime, platform.survey, job, found, found.person, key)
        return platform.survey.ask(_recipient(found, found.person), _question(runtime, job, found, found.person), key)
    if found.group and platform.ritual is not None:
        return _gathered(platform.ritual, runtime, job, found, key)
    if found.place is None or platform.ritual is None:
        raise OperatorError(f"platform {platform.name} has no port for {job.purpose}")
    if job.purpose == "summary":
        return await _summary(runtime, platform.ritual, job, found, found.place, key)
    language, share = job.language, found.share
    prompt = prompts.compose(runtime, job.round, job.practice, person=None, language=language, share=share)
    if share is not None:
        # what is said about one person is not answered in public
        prompt = replace(prompt, fields=(), actions=())
    return platform.ritual.post(found.place, prompt, key)


async def _gathered(port: RitualPort, runtime: Runtime, job: ShardOf, found: Claim, key: str) -> str:
    language = found.group[0].language
    prompt = prompts.compose(runtime, job.round, job.practice, person=None, language=language, share=found.share)
    # each answers in the own invitation: a shared place shows who was brought together, and why
    ref = await port.gather(found.group, replace(prompt, fields=(), actions=(), visibility="group"), key)
    if ref is None:
        raise Unreachable("the platform brings no group together")
    return ref


def _recipient(found: Claim, person: Person) -> Recipient:
    return Recipient(ref=found.recipient, address=found.address or {}, language=person.languages[0], zone=person.zone)


def _question(runtime: Runtime, job: ShardOf, found: Claim, person: Person) -> Prompt:
    prompt = prompts.compose(
        runtime,
        job.round,
        job.practice,
        person=person.id,
        language=person.languages[0],
        link=found.link,
        share=found.share or shares.drawn(runtime, job.round, runtime.plugins.ritual(job.round.kind), person.id),
    )
    return replace(prompt, body=REMINDER + prompt.body) if job.purpose.startswith("remind") else prompt


async def _results(
    runtime: Runtime, port: SurveyPort, job: ShardOf, found: Claim, person: Person, key: str
) -> Awaitable[str] | None:
    async with runtime.database.read() as tx:
        _, figures = await summaries.summarise(runtime, tx, job.round, job.practice)
        if figures is None:
            return None
        draft = await returning.draft(runtime, tx, job.round, job.practice, figures)
    language = person.languages[0]
    prompt = prompts.compose_summary(runtime, job.round, job.practice, language, draft)
    return port.ask(_recipient(found, person), prompt, key)


async def _summary(
    runtime: Runtime, port: RitualPort, job: ShardOf, found: Claim, place: Place, key: str
) -> Awaitable[str] | None:
    query = sa.select(delivery.c.ref).filter_by(
        round_id=job.round.id, purpose="post", recipient=found.recipient, state="sent"
    )
    async with runtime.database.read() as tx:
        _, draft = await summaries.summarise(runtime, tx, job.round, job.practice)
        posted = (await tx.execute(query)).scalar_one_or_none()
    if draft is None:
        return None
    prompt = prompts.compose_summary(runtime, job.round, job.practice, job.language, draft)
    return port.post(place, prompt, key) if posted is None else _close(port, str(posted), prompt)


async def _close(port: RitualPort, posted: str, prompt: Prompt) -> str:
    await port.close(posted, prompt)
    return posted


async def _noted(job: ShardOf, found: Claim, note: Awaitable[None]) -> None:
    """Keep what else a call taught us; where that fails, its outcome is kept all the same."""
    try:
        await note
    except Exception:
        logger.exception("what delivery %s/%s taught could not be noted", job.id, found.seq)


async def _note_unreachable(runtime: Runtime, job: ShardOf, found: Claim) -> None:
    """Let the planner choose the person's next channel from the next round on."""
    query = sa.select(delivery.c.identity_id).filter_by(shard_id=job.id, seq=found.seq)

    async with runtime.database.write() as tx:
        identity_id = (await tx.execute(query)).scalar_one_or_none()
        if identity_id is not None:
            await tx.execute(identity.update().where(identity.c.id == identity_id).values(reachable=False))
