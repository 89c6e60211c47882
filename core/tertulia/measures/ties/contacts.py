"""Who is left alone: people without any tie, and people whose ties are few, fading or all with one other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tertulia.measures.ties.edges import Edges
from tertulia.measures.ties.network import WEEKS, Bools, Floats, Network

LATELY = 4
"""The last weeks of the window, in which ties are looked for."""
FEW = 2
FADED = 0.25
ONE_SIDED = 0.9
NEW = 6
"""Who joined fewer weeks ago is new, and counted apart: ties take their time."""


@dataclass(frozen=True)
class Contacts:
    """Say of each person what is so; whoever is new is neither isolated nor at risk, whoever is isolated not at risk.

    The thresholds (few: at most two partners in the last four weeks; fading: a weekly strength below a quarter of the
    person's own median of the window; one: nine tenths of all strength with one partner) are proposals that nobody
    has validated.
    """

    new: Bools
    isolated: Bools
    few: Bools
    fading: Bools
    one: Bools

    @property
    def at_risk(self) -> Bools:
        """Whether the person has ties that are few, fading or all with one other."""
        return (self.few | self.fading | self.one) & ~self.isolated & ~self.new


def contacts(network: Network, edges: Edges, last: int, new: Bools) -> Contacts:
    """Look at the window of weeks that ends with *last*, of whose *edges* the network is made."""
    lately = Network.of(edges.within(last - LATELY + 1, last), network.people)
    weekly = _weekly(edges, last, network.people)
    most = network.tied.max(axis=1).toarray().ravel() if network.people else np.zeros(0)
    total = np.asarray(network.tied.sum(axis=1), dtype=np.float64)
    return Contacts(
        new=new,
        isolated=(network.partners == 0) & ~new,
        few=lately.partners <= FEW,
        fading=weekly[:, -LATELY:].mean(axis=1) < FADED * np.median(weekly, axis=1),
        one=(total > 0) & (most >= ONE_SIDED * total),
    )


def _weekly(edges: Edges, last: int, people: int) -> Floats:
    """Return each person's strength in each week of the window."""
    some = edges.within(last - WEEKS + 1, last)
    some = some.part(some.source != some.target)
    column = some.week.astype(np.int64) - (last - WEEKS + 1)
    weight = (some.given + some.shared).astype(np.float64)
    both = np.concatenate([some.source, some.target]).astype(np.int64) * WEEKS + np.concatenate([column, column])
    counted = np.bincount(both, np.concatenate([weight, weight]), minlength=people * WEEKS)
    return np.asarray(counted, dtype=np.float64).reshape(people, WEEKS)
