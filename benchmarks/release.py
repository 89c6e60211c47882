"""The release of a survey round at the pilot's size, with two earlier rounds in its look-back."""

from __future__ import annotations

import random
import resource
import time
from collections import Counter

from benchmarks import report
from tertulia.domain.surveys import recommendation
from tertulia.surveys.confidentiality import release as releases
from tertulia.surveys.confidentiality.candidates import Atom
from tertulia.surveys.confidentiality.release import Closed, Past, Release

ITEM = recommendation("recommend", "How likely are you to recommend working here?")
LOCATIONS = [30, 20, 12, 10, 8, 6, 5, 4, 3, 2]
TENURES = [25, 25, 20, 15, 10, 5]


def organization(size: int, drawn: random.Random) -> dict[str, Atom]:
    """Invent people in departments of about 118 and teams of about 13, two worker types, ten places, six tenures."""
    atoms: dict[str, Atom] = {}
    team = 0
    while len(atoms) < size:
        for _ in range(min(size - len(atoms), max(5, round(drawn.gauss(13, 4))))):
            atoms[f"{len(atoms):05d}"] = {
                "department": f"department {team % max(2, size // 118)}",
                "team": f"team {team}",
                "worker_type": drawn.choices(["employee", "freelancer"], [798, 2022])[0],
                "location": f"place {drawn.choices(range(10), LOCATIONS)[0]}",
                "tenure": f"{drawn.choices(range(6), TENURES)[0]} years",
            }
        team += 1
    return atoms


def measure(*, quick: bool) -> None:
    """Release three rounds one after the other and print what each took."""
    size, drawn = (600 if quick else 2_820), random.Random(1)
    atoms, past, rows = organization(size, drawn), list[Past](), []
    views = {person: drawn.choices(["2", "8", "10"], [3, 3, 4])[0] for person in atoms}
    present = {person for person in atoms if drawn.random() < 0.72}
    for number in range(3):
        answers = {person: {"recommend": views[person]} for person in sorted(present)}
        closed = Closed(round=f"{number}", asked=atoms, answers=answers, items=(ITEM,), past=tuple(past))
        watch = Stopwatch()
        made = releases.release(closed, progress=watch)
        rows.append(_row(closed, made, watch))
        report.say(" | ".join(rows[-1]))
        counted = {person: atoms[person] for person in present if person not in made.left_out}
        past.append(Past(atoms=counted, cells=made.published, k=made.k))
        present = {
            person for person in atoms if (drawn.random() < 0.72 if drawn.random() < 0.2 else person in present)
        }
    columns = ("round", "answers", "candidates", "published", "teams", "crosses", "over budget", "gate")
    took = ("auditor s", "(CPU)", "gate s", "(CPU)", "most MB")
    report.show(f"Release, {size:,} members, three rounds", (*columns, *took), rows)


class Stopwatch:
    """Take down when the auditor was done, and how long the gate took after it."""

    def __init__(self) -> None:
        self._started = self._done = (time.monotonic(), time.process_time())

    def __call__(self, decided: releases.Decided, phase: str, share: float) -> None:
        """Note where the audit ends."""
        if phase == "audit":
            self._done = (time.monotonic(), time.process_time())

    def figures(self) -> tuple[float, float, float, float]:
        """Return wall and processor seconds of the auditor, and of what came after."""
        now = (time.monotonic(), time.process_time())
        audit = (self._done[0] - self._started[0], self._done[1] - self._started[1])
        return *audit, now[0] - self._done[0], now[1] - self._done[1]


def _row(closed: Closed, made: Release, watch: Stopwatch) -> list[str]:
    took = watch.figures()
    families = {name: Counter(c.outcome for c in made.cells if c.group.family == name) for name in ("team", "cross")}
    shown = [f"{one['published']}/{sum(one.values()) - one['too_few']}" for one in families.values()]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        f"{len(closed.past) + 1}",
        f"{len(closed.answers):,} - {len(made.left_out)}",
        f"{len(made.cells):,}",
        f"{len(made.published):,}",
        *shown,
        f"{sum(one['over_budget'] for one in families.values())}",
        made.gate,
        *(f"{one:.0f}" for one in (*took, memory)),
    ]
