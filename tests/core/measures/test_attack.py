"""Tables of participation, ties and turnover, beside survey tables of the same people, tell about nobody.

Each family is about a fact of its own. For each fact the attacker has every table about it, of all publications,
knows who is in which group, and takes the fact to be the same throughout, which is the worst case.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import attack
import numpy as np
import pytest
from attack import Known
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from tertulia.domain.surveys import recommendation
from tertulia.measures.populations import ATTRIBUTES, Gathered, Population, Share, Statistic
from tertulia.measures.publication import Published, publish
from tertulia.surveys.confidentiality.candidates import Atom, candidates
from tertulia.surveys.confidentiality.release import Cell, Closed, Past, release
from tertulia.surveys.scoring import Estimate

ENPS = recommendation("recommend", "How likely are you to recommend us?")
GIVEN = {0: "2", 1: "8", 2: "10"}
FACTS = ("reach", "repeat", "practice", "isolated", "left", "recommend")
FEWEST = {"isolated": 10}


@dataclass
class Firm:
    """Hold people, their facts, and everything that was published about them."""

    atoms: dict[str, Atom]
    true: dict[str, frozenset[str]]
    views: dict[str, int]
    past: dict[str, list[Past]] = field(default_factory=dict)

    def known(self, fact: str, people: list[str]) -> list[Known]:
        """Take down all rows that were published about *fact*; without a band where only a statistic was."""
        name = {"recommend": "promoter"}.get(fact, "yes")
        found = []
        for one in self.past.get(SERIES[fact], []):
            for cell in one.cells:
                if cell.item not in (fact, f"{fact} in all") or cell.outcome != "published":
                    continue
                row = np.array([person in one.atoms and cell.group.includes(one.atoms[person]) for person in people])
                bands = [(figure.low, figure.high) for figure in cell.figures if figure.name == name]
                found += [Known(row, low, high) for low, high in bands or [(0, int(row.sum()))]]
        return found


SERIES = {
    "reach": "members",
    "repeat": "members",
    "practice": "practice",
    "isolated": "ties",
    "left": "employed",
    "recommend": "survey",
}


def firm(size: int, seed: int) -> Firm:
    """Make people who take part, have ties, leave and answer as their nature is."""
    drawn = random.Random(seed)
    made = attack.organization(size, 1, seed)
    atoms = {
        person: {
            **{name: value for name, value in atom.items() if name != "tenure"},
            "zone": f"Z{drawn.randrange(3)}",
        }
        for person, atom in made.atoms.items()
    }
    reach = frozenset(person for person in atoms if drawn.random() < 0.6)
    true = {
        "reach": reach,
        "repeat": frozenset(person for person in reach if drawn.random() < 0.6),
        "practice": frozenset(person for person in reach if drawn.random() < 0.5),
        "isolated": frozenset(person for person in atoms if drawn.random() < 0.15),
        "left": frozenset(person for person in atoms if drawn.random() < 0.12),
    }
    return Firm(atoms=atoms, true=true, views=made.views)


def share(fact: str, made: Firm, **more: object) -> Share:
    return Share(key=fact, formula="f", source="s", those=made.true[fact], **more)


def populations(made: Firm, present: Mapping[str, Atom], lot: str) -> list[Population]:
    def total(inside: frozenset[str]) -> Estimate:
        count = float(len(inside & made.true["isolated"]))
        return Estimate(count, count, count, len(inside))

    ties = Statistic(key="isolated in all", formula="f", source="s", fewest=10, of=total, unit="ties", step=1)
    return [
        Population(
            key="members",
            series="members",
            lot=lot,
            atoms=present,
            shares=[share("reach", made), share("repeat", made, kinds=("company",))],
        ),
        Population(key="practice", series="practice", lot=lot, atoms=present, shares=[share("practice", made)]),
        Population(
            key="ties",
            series="ties",
            lot=lot,
            atoms=present,
            shares=[share("isolated", made, fewest=10)],
            statistics=[ties],
            k=10,
        ),
        Population(
            key="employed", series="employed", lot=lot, atoms=present, shares=[share("left", made, fewest=10)]
        ),
    ]


def publish_all(made: Firm, present: Mapping[str, Atom], lot: str) -> list[Published]:
    """Publish one month: the three families of measures, and a survey that most of the same people answer."""
    gathered = Gathered(family="participation", period=lot)
    done = []
    for population in populations(made, present, lot):
        past = made.past.setdefault(population.series, [])
        one = publish(gathered, population, past[-6:])
        done.append(one)
        past.append(Past(atoms=one.counted, cells=published(one.cells), k=one.k))
    drawn = random.Random(lot)
    answers = {person: {"recommend": GIVEN[made.views[person]]} for person in sorted(present) if drawn.random() < 0.9}
    past = made.past.setdefault("survey", [])
    closed = Closed(round=lot, asked=present, answers=answers, items=(ENPS,), past=past[-5:])
    released = release(closed)
    counted = {one: atom for one, atom in present.items() if one in answers and one not in released.left_out}
    past.append(Past(atoms=counted, cells=released.published, k=released.k))
    return done


def published(cells: tuple[Cell, ...]) -> list[Cell]:
    return [cell for cell in cells if cell.outcome == "published"]


def months(made: Firm, number: int, seed: int) -> list[dict[str, Atom]]:
    """Return who is there in each month: after the first, one comes and one goes, and sometimes a few more."""
    drawn = random.Random(seed)
    away = set(drawn.sample(sorted(made.atoms), 8))
    found = []
    for month in range(number):
        found.append({person: atom for person, atom in made.atoms.items() if person not in away})
        changes = 1 if month % 2 == 0 else drawn.randrange(1, 5)
        came = drawn.sample(sorted(away), min(changes, len(away)))
        went = drawn.sample(sorted(set(made.atoms) - away), changes)
        away = away - set(came) | set(went)
    return found


def attacked(known: list[Known], k: int, targets: list[int]) -> dict[str, int]:
    rows = [one.row for one in known if one.row.any()]
    banded = [one for one in known if one.row.any()]
    return {
        "difference": len(attack.by_difference(rows, k)),
        "rank": len(attack.by_rank(rows, 5)),
        "linear programme": len(attack.by_programme(banded, targets, whole=False)),
        "integer programme": len(attack.by_programme(banded, targets[:2], whole=True)),
    }


def by_implication(tables: list[list[Known]], targets: list[int]) -> set[tuple[int, int]]:
    """Attack facts of which the first follows from each of the others: who came again, or to one practice, came."""
    size, many = len(tables[0][0].row), len(tables)
    blocks, low, high = [], [], []
    for place, known in enumerate(tables):
        for one in known:
            wide = np.zeros(size * many)
            wide[place * size : (place + 1) * size] = one.row
            blocks.append(wide)
            low.append(one.low)
            high.append(one.high)
    one_to_one = np.eye(size)
    implied = [
        csr_array(
            np.hstack([-one_to_one, *(one_to_one if here == place else 0 * one_to_one for here in range(1, many))])
        )
        for place in range(1, many)
    ]
    rows = vstack([csr_array(np.array(blocks)), *implied])
    ends = [*high, *([0.0] * size * (many - 1))]
    limits = LinearConstraint(rows, [*low, *([-1.0] * size * (many - 1))], ends)
    found = set()
    for target in targets:
        for place in range(many):
            cost = np.zeros(size * many)
            cost[place * size + target] = 1
            values = [milp(sign * cost, bounds=Bounds(0, 1), constraints=limits) for sign in (1, -1)]
            least, most = (one.x[place * size + target] for one in values)
            if most - least < 1e-6:
                found.add((target, place))
    return found


def check(size: int, number: int, seed: int, sample: int) -> None:
    made = firm(size, seed)
    there = months(made, number, seed)
    shown = [publish_all(made, present, f"month {month}") for month, present in enumerate(there)]
    people = sorted(made.atoms)
    changed = [
        people.index(person)
        for before, after in itertools.pairwise(there)
        for person in sorted(before.keys() ^ after.keys())
    ]
    targets = (changed + random.Random(seed).sample(range(len(people)), sample))[:sample]
    for fact in FACTS:
        known = made.known(fact, people)
        assert len(known) > number or fact == "repeat"
        found = attacked(known, FEWEST.get(fact, 5), targets)
        print(seed, fact, len(known), found)
        assert set(found.values()) == {0}, fact
    implied = [made.known(fact, people) for fact in ("reach", "repeat", "practice")]
    assert by_implication(implied, targets[:4]) == set()
    assert all(one.gate == "all" for month in shown for one in month)


def test_no_attack_succeeds_with_one_joiner_and_one_leaver() -> None:
    check(110, 2, 1, 6)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(5))
def test_no_attack_succeeds_over_six_months(seed: int) -> None:
    check(300, 6, 10 + seed, 24)


def test_the_same_attacks_succeed_against_a_plain_threshold() -> None:
    """Exact counts of all groups of five or more: one joiner and one leaver are told, and so are many others."""
    made = firm(110, 1)
    there = months(made, 2, 1)
    people = sorted(made.atoms)
    views = {person: 2 if person in made.true["reach"] else 0 for person in people}
    known = []
    for present in there:
        groups = {one.key: one.includes for one in candidates(list(present.values()), (), ATTRIBUTES)}
        for members, count in attack.plain_threshold(present, groups, views).values():
            known.append(Known(row_of(members, people), count, count))
    targets = [people.index(person) for person in sorted(there[0].keys() ^ there[1].keys())]
    assert len(targets) == 2
    found = attacked(known, 5, targets)
    assert all(found.values()), found
    assert attack.by_programme(known, targets, whole=False) == set(targets)
    assert len(attack.by_rank([one.row for one in known])) >= 2


def row_of(members: frozenset[str], people: list[str]) -> NDArray[np.bool_]:
    return np.array([person in members for person in people])


def test_where_the_gate_withholds_the_groups_the_company_s_figure_is_left_and_tells_of_nobody() -> None:
    """Nearly all took part, and the gate has no time: what it cannot prove at once is withheld."""
    left = 0
    for seed in (6, 18, 23, 24):
        made, drawn = firm(90, seed), random.Random(seed)
        made.true["reach"] = frozenset(person for person in made.atoms if drawn.random() < 0.97)
        whole = Population(key="members", series="members", lot="m", atoms=made.atoms, shares=[share("reach", made)])
        one = publish(Gathered(family="participation", period="m"), whole, [], seconds=0)
        made.past["members"] = [Past(atoms=one.counted, cells=published(one.cells), k=one.k)]
        shown = [figure for figure in one.figures if figure.withheld is None]
        known, people = made.known("reach", sorted(made.atoms)), sorted(made.atoms)
        assert set(attacked(known, 5, random.Random(seed).sample(range(len(people)), 4)).values()) == {0}
        if one.gate == "company":
            left += 1
            assert [figure.group.family for figure in shown] == ["company"]
    assert left


def test_what_is_withheld_does_not_depend_on_the_facts() -> None:
    made, other = firm(60, 3), firm(60, 3)
    other.true = {fact: frozenset(made.atoms) - those for fact, those in made.true.items()}
    first, second = (publish_all(one, months(one, 1, 3)[0], "month") for one in (made, other))
    for one, twin in zip(first, second, strict=True):
        assert [cell.outcome for cell in one.cells] == [cell.outcome for cell in twin.cells]
        assert one.counted == twin.counted
