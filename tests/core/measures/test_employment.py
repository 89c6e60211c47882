"""Headcount by person-days, separations by reason, cohorts: by hand and by counting every day."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.measures import association, employment
from tertulia.measures.employment import Reason, Spell

DAY = timedelta(days=1)
JANUARY, APRIL = date(2025, 1, 1), date(2025, 4, 1)


def spell(person: str, start: date, end: date | None = None, reason: Reason | None = None, **more: str) -> Spell:
    return Spell(person=person, start=start, end=end, reason=reason, **more)


def test_the_average_headcount_is_person_days_by_days() -> None:
    """Three people of whom one comes after 30 of 90 days and one leaves after 45: (90 + 60 + 45) / 90."""
    some = [
        spell("stays", date(2020, 1, 1)),
        spell("comes", date(2025, 1, 31)),
        spell("leaves", date(2024, 6, 1), date(2025, 2, 14), "voluntary"),
    ]
    found = employment.exposure(some, JANUARY, APRIL)
    assert sum(found.values()) == pytest.approx((90 + 60 + 45) / 90)
    assert employment.left(some, JANUARY, APRIL) == {"leaves"}
    assert employment.left(some, JANUARY, APRIL, ["involuntary"]) == frozenset()
    assert employment.left([spell("a", JANUARY, date(2025, 2, 1))], JANUARY, APRIL, ["other"]) == {"a"}


def test_a_renewal_is_no_separation_and_a_rehire_is_a_new_spell() -> None:
    some = [
        spell("a", date(2025, 3, 1), date(2025, 8, 31), "contract_end", worker_type="freelancer"),
        spell("a", date(2025, 1, 1), date(2025, 2, 28), "contract_end", worker_type="freelancer"),
        spell("a", date(2025, 10, 1), worker_type="employee"),
        spell("b", date(2025, 1, 1)),
        spell("b", date(2025, 2, 1), date(2025, 2, 5)),
    ]
    found = employment.joined_up(some)
    assert [(one.person, one.start, one.end) for one in found] == [
        ("a", date(2025, 1, 1), date(2025, 8, 31)),
        ("a", date(2025, 10, 1), None),
        ("b", date(2025, 1, 1), None),
    ]
    assert employment.left(found, JANUARY, APRIL) == frozenset()


SPELLS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(-50, 100), st.integers(0, 80), st.booleans()), max_size=10
)


@given(drawn=SPELLS)
def test_exposure_is_counted_day_by_day(drawn: list[tuple[str, int, int, bool]]) -> None:
    some = employment.joined_up(
        spell(person, JANUARY + start * DAY, None if open_ else JANUARY + (start + length) * DAY)
        for person, start, length, open_ in drawn
    )
    for one, other in itertools.pairwise(some):
        assert one.person < other.person or (one.end is not None and other.start > one.end + DAY)
    days = [JANUARY + number * DAY for number in range((APRIL - JANUARY).days)]
    raw = [(p, JANUARY + s * DAY, date.max if o else JANUARY + (s + n) * DAY) for p, s, n, o in drawn]
    expected = {
        person: sum(any(p == person and s <= day <= e for p, s, e in raw) for day in days) / len(days)
        for person in {one[0] for one in raw}
    }
    assert employment.exposure(some, JANUARY, APRIL) == pytest.approx({p: e for p, e in expected.items() if e})


def test_cohorts_and_new_hires() -> None:
    some = [
        spell("early", date(2025, 1, 10), date(2025, 3, 1)),
        spell("late", date(2025, 1, 10), date(2025, 6, 1)),
        spell("here", date(2025, 2, 1)),
        spell("before", date(2024, 12, 31)),
    ]
    found = employment.cohort(some, JANUARY, APRIL)
    assert sorted(found) == ["early", "here", "late"]
    assert employment.left_within(found, employment.NEW) == {"early"}
    assert employment.left_within(found, employment.YEAR) == {"early", "late"}


def test_who_was_there_before_is_seen_from_then_on() -> None:
    some = [spell("old", date(2024, 12, 22), date(2025, 1, 11)), spell("new", date(2025, 3, 22))]
    found = employment.lifetimes(some, JANUARY, APRIL)
    (old,), (new,) = found["old"], found["new"]
    assert (old.entry, old.exit, old.ended) == (10, 21, True)
    assert (new.entry, new.exit, new.ended) == (0, 10, False)


IQ = [86, 97, 99, 100, 101, 103, 106, 110, 112, 113]
HOURS = [2, 20, 28, 27, 50, 29, 7, 17, 6, 12]


def test_a_rank_correlation_needs_twenty_units() -> None:
    """The common class-room example of ten pairs has -0.1758; doubled, it keeps that and is enough to be shown."""
    assert association.rank_correlation(IQ, HOURS) is None
    found = association.rank_correlation(IQ * 2, HOURS * 2)
    assert found is not None
    assert found[0] == pytest.approx(-29 / 165)
    assert 0.3 < found[1] < 0.6
    strong = association.rank_correlation(list(range(20)), [one**2 for one in range(20)])
    assert strong is not None
    assert strong[0] == pytest.approx(1)
    assert strong[1] == pytest.approx(0.0001)
    assert association.rank_correlation([1] * 20, list(range(20))) is None
