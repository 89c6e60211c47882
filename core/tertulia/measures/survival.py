"""How long people stay: Kaplan and Meier's estimate with late entry, its interval, and the log-rank test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from tertulia.surveys.scoring import Estimate, Z


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """Hold a stay that was seen from day *entry* of it to day *exit*, where it *ended* or was lost from sight."""

    entry: float
    exit: float
    ended: bool
    kind: str = ""


def staying(lifetimes: Sequence[Lifetime], after: float, *, least_at_risk: int = 1) -> Estimate | None:
    """Return which share stays for longer than *after*, with the interval on the scale of log(-log).

    Kaplan and Meier, "Nonparametric estimation from incomplete observations", Journal of the American Statistical
    Association 53 (1958); late entry and interval as in Klein and Moeschberger, "Survival Analysis" (2003), sections
    4.3 and 4.6. Someone is at risk at a time that lies after the entry and not after the exit. `None` where nobody
    was seen for that long, or fewer than *least_at_risk* were at risk when somebody left.
    """
    if not lifetimes or max(one.exit for one in lifetimes) < after:
        return None
    share, variance = 1.0, 0.0
    entries = np.array([one.entry for one in lifetimes])
    exits = np.array([one.exit for one in lifetimes])
    ended = np.array([one.ended for one in lifetimes])
    for time in np.unique(exits[ended & (exits <= after)]):
        risk = int(((entries < time) & (exits >= time)).sum())
        gone = int((ended & (exits == time) & (entries < time)).sum())
        if not gone:
            continue
        if risk < least_at_risk:
            return None
        share *= 1 - gone / risk
        if gone == risk:
            return Estimate(0.0, 0.0, 0.0, len(lifetimes))
        variance += gone / (risk * (risk - gone))
    if share == 1.0:
        return Estimate(100.0, 100.0, 100.0, len(lifetimes))
    spread = Z * np.sqrt(variance) / np.log(share)
    ends = [100 * float(share ** np.exp(sign * spread)) for sign in (1, -1)]
    return Estimate(100 * share, min(ends), max(ends), len(lifetimes))


def log_rank(groups: Mapping[str, Sequence[Lifetime]]) -> tuple[float, float] | None:
    """Return the chi-squared statistic and p of the hypothesis that all groups leave alike.

    Mantel's log-rank test (Cancer Chemotherapy Reports 50, 1966) with the hypergeometric variance; `None` where a
    group is empty or nobody left.
    """
    names = sorted(groups)
    if len(names) < 2 or not all(groups[name] for name in names):
        return None
    times = sorted({one.exit for name in names for one in groups[name] if one.ended})
    risks, gone = (np.zeros((len(names), len(times))) for _ in range(2))
    for row, name in enumerate(names):
        entries = np.array([one.entry for one in groups[name]])
        exits = np.array([one.exit for one in groups[name]])
        ended = np.array([one.ended for one in groups[name]])
        for column, time in enumerate(times):
            risks[row, column] = ((entries < time) & (exits >= time)).sum()
            gone[row, column] = (ended & (exits == time) & (entries < time)).sum()
    whole, out = risks.sum(axis=0), gone.sum(axis=0)
    useful = (whole > 1) & (out > 0)
    risks, gone, whole, out = risks[:, useful], gone[:, useful], whole[useful], out[useful]
    if not len(whole):
        return None
    share = risks / whole
    apart = (gone - share * out).sum(axis=1)[:-1]
    scale = out * (whole - out) / (whole - 1)
    covariance = np.diag((share * scale).sum(axis=1)) - (share * scale) @ share.T
    statistic = float(apart @ np.linalg.pinv(covariance[:-1, :-1]) @ apart)
    return statistic, float(chi2.sf(statistic, len(names) - 1))
