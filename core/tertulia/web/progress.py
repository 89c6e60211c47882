"""How a round stands, in figures for pages: counts by state as `rounds.standings` tells them, never who."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tertulia.domain.identifiers import Id
from tertulia.extension import Access
from tertulia.services import returning, rounds
from tertulia.services.rounds import Progress, RoundRow
from tertulia.storage.database import Tx

SEEING = Access(
    kind="role",
    roles=frozenset({"owner", "admin", "host", "analyst"}),
    why="who runs the program sees counts of its rounds",
)
STATES = ("sent", "planned", "sending", "ambiguous", "failed", "skipped")
UNDER_WAY = ("planned", "sending")
WORDS = {
    "planned": "to come",
    "open": "open",
    "closing": "closing",
    "closed": "closed",
    "released": "published",
    "withheld": "not published",
    "cancelled": "cancelled",
}


class Figures:
    """Look up the figures of rounds, and remember those of rounds that ended for a while: they hardly change."""

    def __init__(self, size: int = 1000, kept: timedelta = timedelta(minutes=1)) -> None:
        self._size, self._kept = size, kept
        self._known: OrderedDict[tuple[Id, int], tuple[datetime, dict[str, Any]]] = OrderedDict()

    async def of(self, tx: Tx, found: Sequence[RoundRow], now: datetime) -> list[dict[str, Any]]:
        """Return what `shown` makes of each round; *now* is real time."""
        known = {one.id: self._remembered(one, now) for one in found}
        fresh = await rounds.standings(tx, [one for one in found if known[one.id] is None])
        made = {one.round.id: shown(one) for one in fresh}
        for standing in fresh:
            figures = made[standing.round.id]
            if standing.round.state in returning.ENDED and not figures["figures"]["waiting"]:
                self._known[standing.round.id, standing.round.step] = (now + self._kept, figures)
                if len(self._known) > self._size:
                    self._known.popitem(last=False)
        return [known[one.id] or made[one.id] for one in found]

    def _remembered(self, row: RoundRow, now: datetime) -> dict[str, Any] | None:
        until, figures = self._known.get((row.id, row.step), (now, None))
        return figures if figures is not None and now < until else None


def shown(progress: Progress) -> dict[str, Any]:
    """Return a round's figures; *rounded* is whether they are in steps of five."""
    row = progress.round
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    for purpose, states in progress.deliveries.items():
        if purpose in ("invite", "post"):
            for state, count in states.items():
                counts[state] = counts.get(state, 0) + count
    reminded = sum(s.get("sent", 0) for purpose, s in progress.deliveries.items() if purpose.startswith("remind"))
    figures = {**counts, "reminded": reminded, "answered": progress.answered, "passed": progress.passed}
    figures["waiting"] = sum(figures[state] for state in UNDER_WAY)
    total = sum(figures[state] for state in STATES)
    figures["done"] = 100 * (total - figures["waiting"]) // total if total else 0
    return {
        "id": row.id,
        "practice": row.practice,
        "kind": row.kind,
        "state": row.state,
        "word": WORDS[row.state],
        "reason": row.reason,
        "opens": row.opens_at.isoformat(timespec="minutes"),
        "closes": row.closes_at.isoformat(timespec="minutes") if row.closes_at else None,
        "confidential": row.confidential,
        "rounded": progress.guarded,
        "figures": figures,
    }
