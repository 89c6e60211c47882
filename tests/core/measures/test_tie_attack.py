"""All tables about ties, of publications with a joiner and a leaver between them, tell of no fewer than ten people.

The worst case: whatever was published, of whichever figure, counts as a sum of one and the same fact over its group.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import attack
import numpy as np
import pytest
from numpy.typing import NDArray

from tertulia.measures.figures import Period
from tertulia.measures.populations import ATTRIBUTES
from tertulia.measures.publication import publish
from tertulia.measures.ties.asked import FEWEST, Window, gathered
from tertulia.measures.ties.edges import UNIT, Edges, week_label
from tertulia.measures.ties.network import WEEKS
from tertulia.surveys.confidentiality.candidates import Atom, candidates
from tertulia.surveys.confidentiality.release import Past

FIRST = 2960
Rows = list[NDArray[np.bool_]]


def firm(size: int, seed: int) -> dict[str, Atom]:
    """Make people in teams, places, zones and two kinds of contract."""
    drawn = random.Random(seed)
    made = attack.organization(size, 1, seed)
    return {
        person: {
            **{name: value for name, value in atom.items() if name != "tenure"},
            "zone": f"Z{drawn.randrange(3)}",
        }
        for person, atom in made.atoms.items()
    }


def network(people: list[str], atoms: dict[str, Atom], last: int, seed: int) -> Edges:
    """Draw a quarter in which teams talk most among themselves, and some people with nobody."""
    lot = np.random.default_rng(seed)
    teams = [atoms[one]["team"] for one in people]
    quiet = lot.random(len(people)) < 0.1
    near = np.array([[one == other for other in teams] for one in teams])
    weight = (lot.random(near.shape) < np.where(near, 0.5, 0.04)) * lot.integers(1, 9, near.shape) * UNIT
    weight[quiet] = weight[:, quiet] = 0
    np.fill_diagonal(weight, 0)
    source, target = np.nonzero(weight)
    week = np.sort(lot.integers(last - WEEKS + 1, last + 1, len(source))).astype(np.int32)
    given = weight[source, target].astype(np.int64)
    return Edges(week, source.astype(np.int32), target.astype(np.int32), given, np.zeros_like(given))


def published(atoms: dict[str, Atom], months: list[frozenset[str]], seed: int) -> Rows:
    """Publish every month, and return the rows of all that was published, over everybody."""
    everybody, past, rows = sorted(atoms), list[Past](), Rows()
    for month, present in enumerate(months):
        last, roster = FIRST + 5 * month, {one: atoms[one] for one in sorted(present)}
        end = datetime(2026, 9, 28, tzinfo=UTC) + timedelta(weeks=5 * month)
        edges = network(sorted(present), atoms, last, seed + month)
        asked = gathered(
            "home",
            Period(key=week_label(last), start=end - timedelta(weeks=1), end=end),
            Window(roster=roster, edges=edges, last=last, new=frozenset()),
        )
        one = publish(asked, asked.populations[0], past)
        shown = [cell for cell in one.cells if cell.outcome == "published"]
        past.append(Past(atoms=one.counted, cells=shown, k=one.k))
        rows += [
            np.array([person in one.counted and cell.group.includes(one.counted[person]) for person in everybody])
            for cell in shown
        ]
    return rows


def coming_and_going(atoms: dict[str, Atom], number: int, seed: int) -> list[frozenset[str]]:
    """Let one person come and one go between two months."""
    order = sorted(atoms)
    random.Random(seed).shuffle(order)
    return [frozenset(order[month : len(order) - number + month]) for month in range(number)]


def check(size: int, number: int, seed: int) -> None:
    atoms = firm(size, seed)
    rows = published(atoms, coming_and_going(atoms, number, seed), seed)
    distinct = np.unique(np.array(rows), axis=0)
    print(seed, len(rows), len(distinct))
    assert len(distinct) > number * 3
    assert min(row.sum() for row in rows) >= FEWEST
    assert attack.by_difference(rows, FEWEST) == set()
    assert attack.by_rank(rows, 5) == set()


def test_all_tables_about_ties_together_tell_about_nobody() -> None:
    check(130, 2, 3)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(4))
def test_all_tables_about_ties_of_half_a_year_together_tell_about_nobody(seed: int) -> None:
    check(300, 6, 20 + seed)


def test_the_same_attacks_succeed_where_every_group_of_ten_is_published() -> None:
    atoms = firm(130, 3)
    everybody, rows = sorted(atoms), Rows()
    for present in coming_and_going(atoms, 2, 3):
        here = {one: atoms[one] for one in present}
        groups = candidates(list(here.values()), (), ATTRIBUTES)
        inside = [np.array([one in here and group.includes(here[one]) for one in everybody]) for group in groups]
        rows += [row for row in inside if row.sum() >= FEWEST]
    assert len(attack.by_difference(rows, FEWEST)) >= 2
    assert len(attack.by_rank(rows, 5)) >= 2
