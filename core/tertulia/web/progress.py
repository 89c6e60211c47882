"""How a round stands, in figures for pages: counts by state, never who; a survey's are rounded down to five."""

from __future__ import annotations

from typing import Any

from tertulia.extension import Access
from tertulia.services.rounds import Progress

SEEING = Access(
    kind="role",
    roles=frozenset({"owner", "admin", "host", "analyst"}),
    why="who runs the program sees counts of its rounds",
)
FLOOR = 5
STATES = ("sent", "planned", "sending", "ambiguous", "failed", "skipped")
UNDER_WAY = ("planned", "sending")
WORDS = {
    "planned": "to come",
    "open": "open",
    "closing": "closing",
    "closed": "closed",
    "released": "closed, results published",
    "withheld": "closed, nothing published",
    "cancelled": "cancelled",
}


def shown(progress: Progress) -> dict[str, Any]:
    """Return a round's figures; in a survey every count is rounded down to five, deliveries too.

    A reminder skips who has answered, so its exact counts would tell how many did.
    """
    row = progress.round
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    for purpose, states in progress.deliveries.items():
        if purpose in ("invite", "post"):
            for state, count in states.items():
                counts[state] = counts.get(state, 0) + count
    reminded = sum(s.get("sent", 0) for purpose, s in progress.deliveries.items() if purpose.startswith("remind"))
    figures = {**counts, "reminded": reminded, "answered": progress.answered, "passed": progress.passed}
    if row.confidential:
        figures = {name: count // FLOOR * FLOOR for name, count in figures.items()}
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
        "figures": figures,
    }
