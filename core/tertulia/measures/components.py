"""What the overview is made of: each component with its unit, its direction and where its figures come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from tertulia.measures.figures import Family

Better: TypeAlias = Literal["higher", "lower"]
Shown: TypeAlias = Literal["percent", "score", "index", "signed"]
"""A share or a rate in percent; a score from -100 to 100; an index from 0 to 100; a number from -1 to 1."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """Describe one part of the profile.

    *about* says what is measured in a sentence, *practical* from which change on it makes a difference, in its unit;
    *formula* is an anchor in `docs/measures.md`, *counted* says what n counts. Its figures are those of an
    *instrument*'s questions, or the published one called *figure* about *narrowed*. *charted* is whether its periods
    do not overlap, so that they may stand in a control chart; an *optional* one is shown only where it was measured.
    """

    key: str
    title: str
    about: str
    shown: Shown
    better: Better
    practical: float
    formula: str
    counted: str = "answers"
    instrument: str = ""
    figure: str = ""
    family: Family | None = None
    narrowed: str = ""
    charted: bool = False
    optional: bool = False

    def words(self, value: float) -> str:
        """Write a figure in its unit."""
        match self.shown:
            case "percent":
                return f"{value:.0f} %"
            case "score" | "signed":
                return self.signed(value)
            case _:
                return f"{value:.0f}"

    def difference(self, value: float) -> str:
        """Write a difference of two figures in its unit."""
        return self.signed(value) if self.shown == "signed" else f"{self.signed(value)} points"

    def signed(self, value: float) -> str:
        """Write a number with its sign; what rounds to nothing has none."""
        text = f"{value:+.2f}" if self.shown == "signed" else f"{value:+.0f}"
        return text if float(text) else text[1:]


COMPONENTS = (
    Component(
        key="belonging",
        title="Belonging",
        about="How many agree that they are part of the people they work with, known and missed.",
        shown="percent",
        better="higher",
        practical=5,
        formula="favourability",
        instrument="belonging",
        charted=True,
    ),
    Component(
        key="recommendation",
        title="Recommendation",
        about="Would people recommend working here? Promoters less detractors, from −100 to +100.",
        shown="score",
        better="higher",
        practical=10,
        formula="recommendation",
        instrument="recommendation",
        charted=True,
    ),
    Component(
        key="speaking_up",
        title="Speaking up",
        about="How many agree that it is safe to say what they think.",
        shown="percent",
        better="higher",
        practical=5,
        formula="favourability",
        instrument="speaking_up",
        charted=True,
    ),
    Component(
        key="engagement",
        title="Engagement",
        about="The engagement index of the UK Civil Service, from 0 to 100.",
        shown="index",
        better="higher",
        practical=3,
        formula="engagement",
        instrument="civil_service_engagement",
        optional=True,
    ),
    Component(
        key="reach",
        title="Participation reach",
        about="How many took part in anything within ninety days.",
        shown="percent",
        better="higher",
        practical=5,
        formula="reach",
        counted="people",
        figure="reach",
        family="participation",
    ),
    Component(
        key="cross_team",
        title="Ties across teams",
        about="Ties to other teams less ties within teams, as a share of all: from −1 to +1.",
        shown="signed",
        better="higher",
        practical=0.05,
        formula="ties-ei",
        counted="people",
        figure="ei_team",
        family="ties",
    ),
    Component(
        key="employee_freelancer",
        title="Ties of employees and freelancers",
        about="Ties between employees and freelancers less ties among each, as a share of all: from −1 to +1.",
        shown="signed",
        better="higher",
        practical=0.05,
        formula="ties-ei",
        counted="people",
        figure="ei_worker_type",
        family="ties",
    ),
    Component(
        key="time_zones",
        title="Time-zone fairness",
        about="By how much more of what is held falls outside of 08 to 18 o'clock in one zone than in another.",
        shown="percent",
        better="lower",
        practical=5,
        formula="burden",
        counted="people",
        figure="burden_spread",
        family="participation",
    ),
    Component(
        key="stability",
        title="Stability",
        about="How many leave, in percent of the average headcount a year.",
        shown="percent",
        better="lower",
        practical=2,
        formula="turnover",
        counted="people",
        figure="turnover/quarter",
        narrowed="quarter",
        family="turnover",
    ),
    Component(
        key="response",
        title="Answers to surveys",
        about="How many of those who were asked answered.",
        shown="percent",
        better="higher",
        practical=5,
        formula="response",
        counted="answers",
        optional=True,
    ),
    Component(
        key="gap",
        title="Employees before freelancers",
        about="By how much more employees than freelancers take part.",
        shown="percent",
        better="lower",
        practical=5,
        formula="newcombe",
        counted="people",
        figure="reach_difference",
        family="participation",
        optional=True,
    ),
)
"""All parts, in the order in which they are shown; there is no sum of them on purpose."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Hold what others published: *value* of *n* (0 where it was not said) by the day *ended*, and whose it is."""

    component: str
    name: str
    value: float
    ended: date
    source: str
    license: str
    n: int = 0

    def age(self, today: date) -> int:
        """Return in whole months how old it is."""
        months = (today.year - self.ended.year) * 12 + today.month - self.ended.month
        return max(0, months - (today.day < self.ended.day))
