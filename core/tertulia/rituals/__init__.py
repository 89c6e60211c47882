"""The built-in kinds of rituals and surveys: a plugin like any other."""

from __future__ import annotations

from collections.abc import Iterable

from tertulia.extension import RitualKind
from tertulia.hookspecs import hookimpl
from tertulia.rituals.cafe import Cafe
from tertulia.rituals.celebration import Celebration
from tertulia.rituals.check_in import CheckIn
from tertulia.rituals.discussion import Discussion
from tertulia.rituals.gathering import Gathering
from tertulia.rituals.guess_the_photo import GuessThePhoto
from tertulia.rituals.icebreaker import Icebreaker
from tertulia.rituals.kudos import Kudos
from tertulia.rituals.overview_card import OverviewCard
from tertulia.rituals.quiz import Quiz
from tertulia.rituals.sharing import Sharing
from tertulia.rituals.support import Support
from tertulia.rituals.this_or_that import ThisOrThat
from tertulia.rituals.time_off import TimeOff
from tertulia.rituals.two_truths import TwoTruths
from tertulia.rituals.wellness import Wellness
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.single_question import SingleQuestion


@hookimpl
def register_rituals() -> Iterable[RitualKind]:
    """Return the kinds that ship with the core."""
    return (
        CheckIn(),
        Icebreaker(),
        Cafe(),
        Gathering(),
        Wellness(),
        TimeOff(),
        Support(),
        Kudos(),
        Discussion(),
        Sharing(),
        Celebration(),
        Quiz(),
        TwoTruths(),
        GuessThePhoto(),
        ThisOrThat(),
        OverviewCard(),
        SingleQuestion(),
        Pulse(),
    )
