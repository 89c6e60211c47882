"""The release of a survey round at the pilot's size, with two earlier rounds in its look-back."""

from __future__ import annotations

import random
import resource
import time
from collections import Counter

from benchmarks import report
from tertulia.domain.surveys import recommendation
from tertulia.surveys.confidentiality import release as releases
from tertulia.surveys.confidentiality.candidates import Atom, candidates
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
        audited = _audit_alone(closed)
        started, cpu = time.monotonic(), time.process_time()
        made = releases.release(closed)
        rows.append(_row(closed, made, audited, time.monotonic() - started, time.process_time() - cpu))
        report.say(" | ".join(rows[-1]))
        counted = {person: atoms[person] for person in present if person not in made.left_out}
        past.append(Past(atoms=counted, cells=made.published, k=made.k))
        present = {
            person for person in atoms if (drawn.random() < 0.72 if drawn.random() < 0.2 else person in present)
        }
    columns = ("round", "answers", "candidates", "published", "teams", "crosses", "gate", "auditor s", "(CPU)")
    report.show(f"Release, {size:,} members", (*columns, "whole s", "(CPU)", "most MB"), rows)


def _audit_alone(closed: Closed) -> tuple[float, float]:
    counted = {person: closed.asked[person] for person in closed.answers}
    groups = candidates(list(closed.asked.values()))
    out = releases.leave_out(closed.round, groups, counted, closed.past, 5)
    counted = {person: atom for person, atom in counted.items() if person not in out}
    started, cpu = time.monotonic(), time.process_time()
    releases.audit(ITEM, groups, counted, closed.past, 5)
    return time.monotonic() - started, time.process_time() - cpu


def _row(closed: Closed, made: Release, audited: tuple[float, float], seconds: float, cpu: float) -> list[str]:
    families = {name: Counter(c.outcome for c in made.cells if c.group.family == name) for name in ("team", "cross")}
    shown = [f"{one['published']}/{sum(one.values()) - one['too_few']}" for one in families.values()]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        f"{len(closed.past) + 1}",
        f"{len(closed.answers):,} - {len(made.left_out)}",
        f"{len(made.cells):,}",
        f"{len(made.published):,}",
        *shown,
        made.gate,
        *(f"{one:.0f}" for one in (*audited, seconds, cpu, memory)),
    ]
