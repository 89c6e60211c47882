"""How far a release has come, in the database: for an admin to see, and to go on from after a crash.

What is kept does not depend on answers, but for the step that the gate has come to, which is published anyway.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.runtime import Runtime
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import ballot, release_state
from tertulia.surveys.confidentiality.release import Closed, Decided

log = logging.getLogger(__name__)
PHASES = {
    "audit": "finding which figures arithmetic cannot turn against anybody",
    "all": "trying whether an answer follows from all figures together",
    "no_crosses": "trying the figures without the crossed groups",
    "base_10": "trying the figures in wider bands",
}


@dataclass(frozen=True)
class Standing:
    """Hold how far the release of a round has come."""

    phase: str
    percent: int

    def __str__(self) -> str:
        return f"release: {self.percent} % done, {PHASES.get(self.phase, self.phase)}"


async def standing(tx: Tx, organization: Id, round_id: Id) -> Standing | None:
    """Return how far the release of a round has come; `None` where none is computed."""
    state = release_state.c
    query = sa.select(state.phase, state.percent).where(
        state.organization_id == organization, state.round_id == round_id
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Standing(row.phase, row.percent)


async def digest(tx: Tx, closed: Closed, k: int) -> str:
    """Return a digest of all that a release is computed from; of the answers, of their sealed form only."""
    found = hashlib.sha256()
    query = sa.select(ballot.c.id, ballot.c.sealed).where(ballot.c.round_id == closed.round).order_by(ballot.c.id)
    for row in await tx.execute(query):
        found.update(hashlib.sha256(row.id.encode() + bytes(row.sealed)).digest())
    for text in _texts(closed, k):
        found.update(hashlib.sha256(text.encode()).digest())
    return found.hexdigest()


def _texts(closed: Closed, k: int) -> Iterable[str]:
    yield f"{k}"
    yield from (f"{person}{sorted(atom.items())}" for person, atom in sorted(closed.asked.items()))
    yield from (f"{item.key}{item.points}{item.levels}{sorted(item.blocks or ())}" for item in closed.items)
    for past in closed.past:
        yield f"{past.k}"
        yield from (f"{person}{sorted(atom.items())}" for person, atom in sorted(past.atoms.items()))
        yield from (f"{cell.item}{cell.group.key}{sorted(cell.blocks or ())}{cell.figures}" for cell in past.cells)


async def decided_before(tx: Tx, round_: RoundRow, digest_: str) -> Decided | None:
    """Return what an interrupted release of the same input had decided."""
    state = release_state.c
    query = sa.select(state.kept).where(
        state.organization_id == round_.organization, state.round_id == round_.id, state.digest == digest_
    )
    kept: Json | None = (await tx.execute(query)).scalar_one_or_none()
    return None if kept is None else Decided(**{name: kept[name] for name in ("audits", "failed", "passed")})


async def forget(tx: Tx, organization: Id, round_id: Id) -> None:
    """Forget how far a release came: it is kept, or its round ended without one."""
    state = release_state.c
    await tx.execute(release_state.delete().where(state.organization_id == organization, state.round_id == round_id))


class Teller:
    """Write down what a thread decides, the newest of it, while the thread goes on."""

    def __init__(self, runtime: Runtime, round_: RoundRow, digest_: str):
        """Write for *round_*; call it on the event loop."""
        self._runtime, self._round, self._digest = runtime, round_, digest_
        self._loop = asyncio.get_running_loop()
        self._newest: Json | None = None
        self._writing: asyncio.Task[None] | None = None

    def __call__(self, decided: Decided, phase: str, share: float) -> None:
        """Take down what is decided; for the thread."""
        row = {
            "organization_id": self._round.organization,
            "round_id": self._round.id,
            "digest": self._digest,
            "phase": phase,
            "percent": int(100 * share),
            "kept": asdict(decided),
        }
        self._loop.call_soon_threadsafe(self._take, row)

    def _take(self, row: Json) -> None:
        self._newest = row
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write())

    async def _write(self) -> None:
        while self._newest is not None:
            row, self._newest = self._newest, None
            try:
                async with self._runtime.database.write() as tx:
                    await upsert(
                        tx,
                        release_state,
                        [dict(row)],
                        keys=("round_id",),
                        update=("digest", "phase", "percent", "kept"),
                    )
            except sa.exc.SQLAlchemyError:
                # the release itself is not in danger: it would start over after a crash
                log.exception("progress of a release was not written", extra={"round": self._round.id})

    async def done(self) -> None:
        """Wait until all is written."""
        if self._writing is not None:
            await self._writing
