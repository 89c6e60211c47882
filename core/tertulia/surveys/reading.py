"""Read published figures: a score with its interval where answers are many, a word or a rounded count where few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tertulia.domain.surveys import Item
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate

Unit: TypeAlias = Literal["score", "percent", "counts"]
BANDS = {"low": "low", "middle": "in the middle", "high": "high"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Hold what a published figure says: *words*, and an *estimate* in *unit* where answers are enough for one.

    A score goes from -100 to 100, a share from 0 to 100. *counts* are about how many gave what, by label.
    """

    words: str
    unit: Unit
    n: int
    estimate: Estimate | None = None
    counts: tuple[tuple[str, int], ...] = ()


def read(item: Item, answered: int, figures: Mapping[str, int]) -> Reading:
    """Read the *figures* of a cell of *item*: about how many of at least *answered* gave what, by level or point."""
    counts = tuple((item.labels.get(name, name), count) for name, count in figures.items())
    if not item.ranked:
        words = ", ".join(f"{label}: about {count}" for label, count in counts)
        return Reading(words=words, unit="counts", n=answered, counts=counts)
    by_level = {
        name: figures.get(name, sum(figures.get(point, 0) for point in points)) for name, points in item.levels
    }
    best = item.levels[0][0]
    if len(by_level) > len(figures):
        words = f"{item.labels.get(best, best)}: about {by_level[best]} of {answered}"
        return Reading(words=words, unit="counts", n=answered, counts=counts)
    if best == "promoter":
        return _score(by_level, answered, counts)
    share = scoring.share(by_level[best], sum(by_level.values()))
    if share is None:
        return Reading(words="too few answers for a number", unit="percent", n=answered, counts=counts)
    verb = "chose it" if best == "yes" else item.labels.get(best, "agree")
    words = f"{share.value:.0f} % {verb} (between {share.low:.0f} and {share.high:.0f} %)"
    return Reading(words=words, unit="percent", n=answered, estimate=share, counts=counts)


def _score(by_level: Mapping[str, int], answered: int, counts: tuple[tuple[str, int], ...]) -> Reading:
    score = scoring.recommendation_score(*by_level.values())
    if score is None or score.n < scoring.FEW_FOR_A_SCORE:
        words = "too few answers for a number" if score is None else BANDS[scoring.score_band(score)]
        return Reading(words=words, unit="score", n=answered, counts=counts)
    words = f"{score.value:+.0f} (between {score.low:+.0f} and {score.high:+.0f})"
    return Reading(words=words, unit="score", n=answered, estimate=score, counts=counts)
