"""The card of the overview in a channel: what is published when its round opens, and nothing to answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from tertulia.errors import Mistake
from tertulia.measures.figures import week
from tertulia.rituals.overview_card import OverviewCard
from tertulia.storage import measures

OpenTown = Callable[..., AbstractAsyncContextManager[Any]]
CARD = """
[[practice]]
key = "card"
kind = "overview-card"
title = "How we are doing"
ask = "place"
places = ["square:general"]
open_for = "2h"
cadence = { start = "2026-11-23T09:00", rule = "FREQ=WEEKLY;BYDAY=MO", time = "common" }
"""


async def reached(town: Any, weeks_ago: int, value: float) -> None:
    """Let a reach be published for a week."""
    period = week(town.clock.now() - timedelta(weeks=weeks_ago))
    whose = {"organization_id": town.organization, "workspace_id": town.workspace, "family": "participation"}
    ends = {"period": period.key, "ended_at": period.end, "published_at": period.end}
    figure: dict[str, Any] = {"key": "reach", "about": "", "group_key": "[]", "group_family": "company"}
    numbers = {"value": value, "low": value - 2, "high": value + 2, "n": 200, "position": 0, "unit": "percent"}
    async with town.runtime.database.write() as tx:
        figure = {**figure, **numbers, "withheld": None, "formula": "reach", "source": "test"}
        assert await measures.add(tx, {**whose, **ends}, [], [figure])


async def test_the_card_tells_a_channel_what_changed(open_town: OpenTown, square: Any) -> None:
    place = square("square")
    async with open_town(place) as town:
        for back, value in ((40, 40), (28, 41), (14, 40), (1, 60)):
            await reached(town, back, value)
        await town.add("Ana")
        await town.apply(CARD)
        await town.live(town.clock.now() + timedelta(hours=12))
        posted, closed = place.ritual.sent
        assert closed.prompt.body == posted.prompt.body  # the card stays as it was shown
        said = posted.prompt.body.plain()
        assert "Participation reach: 60 % (between 58 % and 62 %); improved: +20 points, between +1" in said
        assert "Not told: Belonging" in said
        assert "/overview" in said
        assert posted.prompt.actions == ()
        (picture,) = posted.prompt.media
        assert picture.alt.startswith("Participation reach: ")
        assert picture.alt.endswith("60 %.")
        assert place.survey.sent == []  # nobody is asked anything
        (round_, following) = await town.rounds()
        assert (round_["state"], following["state"]) == ("closed", "planned")
        assert round_["content"]["changed"] == [said.split("\n\n")[0].removeprefix("- ")]


async def test_a_card_with_nothing_to_tell_says_so(open_town: OpenTown, square: Any) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(CARD)
        await town.live(town.clock.now() + timedelta(hours=12))
        assert "Nothing has clearly changed." in place.ritual.sent[0].prompt.body.plain()


def test_a_card_takes_no_answer() -> None:
    with pytest.raises(Mistake, match="nothing to answer"):
        OverviewCard().accept({}, "answer", {})
