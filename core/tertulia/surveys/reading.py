"""Read published figures: a score with its interval where answers are many, a word or a rounded count where few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tertulia.domain.surveys import Item
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate

Unit: TypeAlias = Literal["score", "percent", "counts"]
Bounds: TypeAlias = Mapping[str, tuple[int, int]]
"""The least and the most that a rounded count stands for, by level or point."""
Counted: TypeAlias = tuple[int, int, int]
FLOOR = 4
"""The number of answers is rounded down to a multiple of five: there may be that many more."""
BANDS = {"low": "low", "middle": "in the middle", "high": "high"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Hold what a published figure says: *words*, and an *estimate* in *unit* where answers are enough for one.

    A score goes from -100 to 100; a share from 0 to 100, of those who *did* what it says. *counts* are about how many
    gave what, by label.
    """

    words: str
    unit: Unit
    n: int
    estimate: Estimate | None = None
    did: str = ""
    counts: tuple[tuple[str, int], ...] = ()


def read(item: Item, answered: int, figures: Mapping[str, int], bounds: Bounds | None = None) -> Reading:
    """Read the *figures* of a cell of *item*: about how many of at least *answered* gave what, by level or point.

    With *bounds* an interval also holds what rounding took away.
    """
    counts = tuple((item.labels.get(name, name), count) for name, count in figures.items())
    if not item.ranked:
        words = ", ".join(f"{label}: about {count}" for label, count in counts)
        return Reading(words=words, unit="counts", n=answered, counts=counts)
    by_level = {name: _counted(name, points, figures, bounds) for name, points in item.levels}
    best = item.levels[0][0]
    if len(by_level) > len(figures):
        words = f"{item.labels.get(best, best)}: about {by_level[best][0]} of at least {answered}"
        return Reading(words=words, unit="counts", n=answered, counts=counts)
    if best == "promoter":
        return _score(by_level, answered, counts)
    n, count = sum(about for about, _, _ in by_level.values()), by_level[best]
    share = scoring.share(count[0], n)
    if share is None:
        return Reading(words="too few answers for a number", unit="percent", n=answered, counts=counts)
    if bounds is not None:
        low, high = scoring.share(count[1], answered + FLOOR), scoring.share(count[2], max(count[2], answered))
        share = Estimate(share.value, low.low if low else share.low, high.high if high else share.high, n)
    did = "chose it" if best == "yes" else item.labels.get(best, "disagree" if item.reversed else "agree")
    words = f"{share.value:.0f} % {did} (between {share.low:.0f} and {share.high:.0f} %)"
    return Reading(words=words, unit="percent", n=answered, estimate=share, did=did, counts=counts)


def _counted(name: str, points: tuple[str, ...], figures: Mapping[str, int], bounds: Bounds | None) -> Counted:
    """Return about how many there are of a level, the least and the most, by the level itself or by its points."""
    parts = [name] if name in figures else [point for point in points if point in figures]
    about = sum(figures[part] for part in parts)
    if bounds is None:
        return about, about, about
    return about, sum(bounds[part][0] for part in parts), sum(bounds[part][1] for part in parts)


def _score(by_level: Mapping[str, Counted], answered: int, counts: tuple[tuple[str, int], ...]) -> Reading:
    (promoters, passives, detractors) = by_level.values()
    score = scoring.recommendation_score(promoters[0], passives[0], detractors[0])
    if score is None or min(score.n, answered) < scoring.FEW_FOR_A_SCORE:
        words = "too few answers for a number" if score is None else BANDS[scoring.score_band(score)]
        return Reading(words=words, unit="score", n=answered, counts=counts)
    if promoters[1:] != (promoters[0], promoters[0]):
        # the lowest and the highest score that the rounded counts allow, however many answered in all
        allowed = [
            one
            for n in (answered, answered + FLOOR)
            for up, down in ((promoters[1], detractors[2]), (promoters[2], detractors[1]))
            if (one := scoring.recommendation_score(up, max(0, n - up - down), down)) is not None
        ]
        score = Estimate(score.value, min(one.low for one in allowed), max(one.high for one in allowed), score.n)
    words = f"{score.value:+.0f} (between {score.low:+.0f} and {score.high:+.0f})"
    return Reading(words=words, unit="score", n=answered, estimate=score, counts=counts)
