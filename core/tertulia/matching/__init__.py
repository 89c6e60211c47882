"""Café matching: who is introduced to whom, round after round; pure functions, the same everywhere from one seed."""

from tertulia.matching.cafe import Seating, Table, keeps_lists_and_languages, seat, seat_as
from tertulia.matching.people import Guest, Past
from tertulia.matching.policy import Policy, Wishes
from tertulia.matching.quality import Figures
from tertulia.matching.reasons import Yielded
from tertulia.matching.rules import LARGEST, Rule
from tertulia.matching.times import proposals

__all__ = [
    "LARGEST",
    "Figures",
    "Guest",
    "Past",
    "Policy",
    "Rule",
    "Seating",
    "Table",
    "Wishes",
    "Yielded",
    "keeps_lists_and_languages",
    "proposals",
    "seat",
    "seat_as",
]
