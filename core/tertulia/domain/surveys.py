"""Surveys: nothing here knows a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BALLOT_SIZE = 4096
"""Every sealed ballot holds that many bytes of content and padding, so that its length tells nothing."""

FEWEST_ANSWERS = 5
"""Nothing is published of a round that fewer people answered."""

CONFIDENTIAL = (
    "Confidential: your answer is sealed and kept without your name. Until the round closes, whoever holds the "
    "server's keys could join the two; at the close keys and ballots are destroyed and only rounded figures remain. "
    "A few answers, drawn by lot, may be left out of them."
)
"""What every survey channel says."""

DECLINED = "declined"
"""The block of those who gave a reason for not answering: it is counted apart, and they are in no other figure."""


def round_to_base(count: int, base: int = 5) -> int:
    """Round *count* to the nearest multiple of *base*; halves go up."""
    return (2 * count + base) // (2 * base) * base


@dataclass(frozen=True, kw_only=True)
class Item:
    """Describe a question whose answers are published as counts.

    *answers* maps what may be given to one of *points*, in order from the lowest to the highest. *levels* are sets of
    points with a name, the best first: what is published of most groups. Of small groups and of crosses the best one
    alone is published, and nothing where the points are not *ranked*. *blocks* are the parts of the audience that
    are asked, by a respondent's `block`; `None` stands for everybody.
    """

    key: str
    text: str
    points: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str, ...]], ...]
    answers: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    reversed: bool = False
    ranked: bool = True
    blocks: frozenset[str] | None = None
    instrument: str = ""

    def point(self, answer: object) -> int | None:
        """Return the position of the point that *answer* counts as, `None` for none of them."""
        found = self.answers.get(str(answer), str(answer))
        if answer is None or found not in self.points:
            return None
        place = self.points.index(found)
        return len(self.points) - 1 - place if self.reversed else place


def recommendation(key: str, text: str, instrument: str = "") -> Item:
    """Make an item of 0 to 10 that is published as promoters (9, 10), passives (7, 8) and detractors."""
    points = ("detractor", "passive", "promoter")
    return Item(
        key=key,
        text=text,
        points=points,
        levels=(("promoter", ("promoter",)), ("passive", ("passive",)), ("detractor", ("detractor",))),
        answers={str(n): points[(n >= 7) + (n >= 9)] for n in range(11)},
        instrument=instrument,
    )


def agreement(key: str, text: str, *, reversed: bool = False, instrument: str = "") -> Item:  # noqa: A002 - the field's own term
    """Make an item of five points of which the upper two are favourable."""
    return Item(
        key=key,
        text=text,
        points=("1", "2", "3", "4", "5"),
        levels=(("favourable", ("4", "5")), ("neutral", ("3",)), ("unfavourable", ("1", "2"))),
        reversed=reversed,
        instrument=instrument,
    )


def choice_of(key: str, text: str, choices: Mapping[str, str], instrument: str = "") -> Item:
    """Make an item of *choices* (name and label) without an order, each counted by itself."""
    return Item(
        key=key,
        text=text,
        points=tuple(choices),
        levels=tuple((name, (name,)) for name in choices),
        labels=dict(choices),
        ranked=False,
        instrument=instrument,
    )


def one_of_several(key: str, text: str, label: str, instrument: str = "") -> Item:
    """Make an item of whether the choice called *label* was among those that a person chose."""
    return Item(
        key=key,
        text=f"{text} {label[:1].upper()}{label[1:]}",
        points=("no", "yes"),
        levels=(("yes", ("yes",)), ("no", ("no",))),
        labels={"yes": label, "no": f"not {label}"},
        instrument=instrument,
    )
