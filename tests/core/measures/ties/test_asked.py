"""What is asked to be published of a window: which figures, of whom, and what they come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tertulia.measures.figures import Period
from tertulia.measures.populations import Statistic
from tertulia.measures.publication import publish
from tertulia.measures.ties.asked import FEWEST, MANY, Window, gathered
from tertulia.measures.ties.edges import UNIT, Edges, week_number

LAST = week_number("2026-W47")
PERIOD = Period(
    key="2026-W47",
    start=datetime(2026, 11, 16, tzinfo=UTC),
    end=datetime(2026, 11, 16, tzinfo=UTC) + timedelta(weeks=1),
)
PEOPLE = 30


def window(ties: list[tuple[int, int, float]], new: frozenset[str] = frozenset()) -> Window:
    """Give thirty people of three teams, two cities and three kinds of contract ties in the last week."""
    roster = {
        f"{one:02}": {
            "team": f"team {one // 10}",
            "location": ("Lima", "Porto")[one % 2],
            "worker_type": ("employee", "freelancer", "contractor")[one % 3],
        }
        for one in range(PEOPLE)
    }
    source, target, weight = (np.array(column) for column in zip(*ties, strict=True))
    whole = np.rint(weight * UNIT).astype(np.int64)
    week, none = np.full(len(ties), LAST, dtype=np.int32), np.zeros_like(whole)
    return Window(roster, Edges(week, source.astype(np.int32), target.astype(np.int32), whole, none), LAST, new)


RING = [(one, (one + 1) % PEOPLE, 1.0) for one in range(PEOPLE)]


def value(seen: Window, key: str, people: frozenset[str] | None = None) -> float | None:
    (population,) = gathered("home", PERIOD, seen).populations
    (found,) = [one for one in population.statistics if one.key == key]
    estimate = found.of(frozenset(seen.roster) if people is None else people)
    return None if estimate is None else estimate.value


def test_a_ring_over_three_teams() -> None:
    seen = window(RING)
    assert value(seen, "partners") == value(seen, "strength") == 2
    assert value(seen, "ei_team") == pytest.approx((3 - 27) / 30)
    assert value(seen, "ei_location") == 1  # neighbours live in different cities
    assert value(seen, "ei_worker_type") == pytest.approx((20 - 10) / 30)  # freelancers and contractors are one side
    assert value(seen, "ei_team_chance") == pytest.approx(1 - 2 * 3 * 10 * 9 / (30 * 29))
    assert value(seen, "reciprocity") == 0
    assert value(seen, "clustering") == 0
    assert value(seen, "constraint") == pytest.approx(0.5)
    assert value(seen, "fragmentation") == 0
    assert value(seen, "largest_part") == 1
    team = frozenset(f"{one:02}" for one in range(10))
    assert value(seen, "ei_team", team) == pytest.approx((2 - 18) / 20)


def test_nothing_published_says_of_each_that_they_have_ties_inside_outside_or_none() -> None:
    # all inside their teams and returned; nobody at all has a tie; everybody has one, and hangs together
    pairs = [(one, other) for one in range(PEOPLE) for other in range(PEOPLE) if one != other]
    inside = [(one, other, 1.0) for one, other in pairs if one // 10 == other // 10]
    for ties in (inside, [(0, 0, 1.0)], RING):
        seen = gathered("home", PERIOD, window(ties))
        figures = publish(seen, seen.populations[0], []).figures
        told = [one for one in figures if one.value is not None and not one.key.endswith("_chance")]
        assert told
        for one in told:
            assert one.value is not None
            assert one.low is not None
            assert one.high is not None
            ends = {"index": (-0.9, 0.9), "share": (0.06, 0.94), "ties": (0.5, 99)}.get(one.unit)
            if ends is not None:
                assert ends[0] <= one.value <= ends[1], one
                assert ends[0] < one.value < ends[1] or one.low < one.high, one
        assert not {one.key for one in told} & {"fragmentation", "largest_part", "circles"}


def test_what_is_missing_does_not_say_that_nobody_has_a_tie() -> None:
    keys = ("ei_team", "ei_team_chance", "reciprocity", "constraint", "modularity", "between_circles")
    for ties in ([(0, 0, 1.0)], [(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 0, 1.0)]):
        assert {value(window(ties), key) for key in keys} == {None}
    team = frozenset(f"{one:02}" for one in range(10))
    assert value(window([(0, 10, 1.0), *((one, one + 1, 1.0) for one in range(10, 20))]), "ei_team", team) is None
    assert value(window([(one, one + 10, 1.0) for one in range(5)]), "ei_team", team) == 1


def test_two_rings_that_do_not_know_each_other() -> None:
    halves = [(one + start, (one + 1) % 15 + start, 1.0) for start in (0, 15) for one in range(15)]
    seen = window(halves)
    assert value(seen, "fragmentation") == pytest.approx(1 - 2 * 15 * 14 / (30 * 29))
    assert value(seen, "largest_part") == 0.5
    circles, between = value(seen, "circles"), value(seen, "between_circles")
    assert circles is not None
    assert between is not None
    assert 2 <= circles <= 8
    assert 0 <= between < 0.5


def test_who_is_isolated_or_at_risk_and_who_is_new() -> None:
    seen = window([(one, other, 1.0) for one in range(20) for other in range(one)], frozenset({"29"}))
    isolated, at_risk = gathered("home", PERIOD, seen).populations[0].shares
    assert isolated.those == {f"{one:02}" for one in range(20, 29)}
    assert at_risk.those == frozenset()


def test_nothing_is_asked_of_fewer_than_ten_people_and_every_formula_is_explained() -> None:
    (population,) = gathered("home", PERIOD, window(RING)).populations
    asked = [*population.shares, *population.statistics]
    assert population.k == FEWEST == 10
    assert {one.fewest for one in asked} == {FEWEST, MANY}
    assert len({one.key for one in asked}) == len(asked)
    page = (Path(__file__).parents[4] / "docs" / "measures.md").read_text()
    anchors = {
        line[4:].lower().replace(":", "").replace(" ", "-") for line in page.splitlines() if line[:4] == "### "
    }
    assert {one.formula for one in asked} <= anchors
    # teams have the shares and the index between teams: nothing finer is told of so few
    of_teams = {one.key for one in asked if "team" in one.kinds}
    assert of_teams == {"isolated", "at_risk", "ei_team"}
    assert all(isinstance(one, Statistic) and one.step > 0 for one in population.statistics)
