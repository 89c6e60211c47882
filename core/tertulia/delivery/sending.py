"""Make one call to a platform and say what became of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from tertulia.capabilities import Platform
from tertulia.delivery.claims import Claim, ShardOf
from tertulia.domain.people import Recipient
from tertulia.domain.prompts import Prompt
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, Unreachable
from tertulia.runtime import Runtime
from tertulia.services import prompts, summaries
from tertulia.services.ports import call_port
from tertulia.storage.tables import delivery, identity

logger = logging.getLogger(__name__)
OPERATOR_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Hold what became of a call; *counts* tells whether it uses up an attempt, *after* when to try again."""

    state: Literal["sent", "planned", "ambiguous", "failed"]
    ref: str | None = None
    reason: str | None = None
    after: timedelta | datetime | None = None
    counts: bool = True


async def send(runtime: Runtime, job: ShardOf, found: Claim) -> Outcome:
    """Carry one delivery to its platform; never raises."""
    live = runtime.installations.get(found.installation)
    platform = live.platforms.get(found.platform) if live else None
    if live is None or platform is None:
        return Outcome(state="failed", reason="the plugin was disabled")
    try:
        ref = await call_port(live.plugin, _call(runtime, platform, job, found))
        return Outcome(state="sent", ref=ref)
    except RetryLater as error:
        return Outcome(state="planned", reason=error.reason, after=error.after, counts=error.after is None)
    except Unreachable as error:
        await _note_unreachable(runtime, job, found)
        return Outcome(state="failed", reason=f"unreachable: {error}")
    except OutcomeUnknown as error:
        return Outcome(state="ambiguous", reason=str(error))
    except OperatorError as error:
        logger.error("plugin %s needs its operator, round %s: %s", live.plugin, job.round.id, error)
        return Outcome(state="planned", reason=f"for the operator: {error}", after=OPERATOR_PAUSE, counts=False)
    except Exception:
        logger.exception("delivery %s/%s could not be prepared", job.id, found.seq)
        return Outcome(state="planned", reason="could not be prepared, see the log")


async def _call(runtime: Runtime, platform: Platform, job: ShardOf, found: Claim) -> str | None:
    key = runtime.vault.keyed_hash(f"{job.round.id}:{job.purpose}:{found.recipient}", "delivery")[:32]
    if found.person is not None and platform.survey is not None:
        prompt = prompts.compose(
            runtime,
            job.round,
            job.practice,
            person=found.person.id,
            language=found.person.languages[0],
            link=found.link,
        )
        to = Recipient(
            ref=found.recipient,
            address=found.address or {},
            language=found.person.languages[0],
            zone=found.person.zone,
        )
        return await platform.survey.ask(to, prompt, key)
    if found.place is None or platform.ritual is None:
        raise OperatorError(f"platform {platform.name} has no port for {job.purpose}")
    if job.purpose == "summary":
        return await _summary(runtime, platform, job, found, key)
    prompt = prompts.compose(runtime, job.round, job.practice, person=None, language="en")
    return await platform.ritual.post(found.place, prompt, key)


async def _summary(runtime: Runtime, platform: Platform, job: ShardOf, found: Claim, key: str) -> str | None:
    prompt = await _summary_prompt(runtime, job)
    if prompt is None or platform.ritual is None or found.place is None:
        return None
    async with runtime.database.read() as tx:
        query = sa.select(delivery.c.ref).filter_by(
            round_id=job.round.id, purpose="post", recipient=found.recipient, state="sent"
        )
        posted = (await tx.execute(query)).scalar_one_or_none()
    if posted is None:
        return await platform.ritual.post(found.place, prompt, key)
    await platform.ritual.close(posted, prompt)
    return str(posted)


async def _summary_prompt(runtime: Runtime, job: ShardOf) -> Prompt | None:
    async with runtime.database.read() as tx:
        _, draft = await summaries.summarise(runtime, tx, job.round, job.practice)
    return prompts.compose_summary(runtime, job.round, job.practice, "en", draft) if draft else None


async def _note_unreachable(runtime: Runtime, job: ShardOf, found: Claim) -> None:
    """Let the planner choose the person's next channel from the next round on."""
    query = sa.select(delivery.c.identity_id).filter_by(shard_id=job.id, seq=found.seq)

    async with runtime.database.write() as tx:
        identity_id = (await tx.execute(query)).scalar_one_or_none()
        if identity_id is not None:
            await tx.execute(identity.update().where(identity.c.id == identity_id).values(reachable=False))
