"""The teams of a quiz: evenly strong by past results, and figures that give nobody's points away."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.surveys import FEWEST_ANSWERS

NAMES = ("Herons", "Otters", "Foxes", "Owls", "Lynxes", "Swifts", "Badgers", "Hares")
SMALLEST = 5
"""People for whom it is worth making another team."""
AVERAGE = 0.5
"""How strong somebody is taken to be who never played."""


def divided(
    people: Collection[Id], teams: int, strengths: Mapping[Id, float], before: Mapping[Id, int], seed: int
) -> dict[Id, int]:
    """Return the team of everybody: those of *before* stay, the others make teams even in number, then in strength.

    Whoever is strongest is placed first, into the weakest of the smallest teams.
    """
    count = max((*before.values(), 0)) + 1 if before else min(teams, len(NAMES), len(people) // SMALLEST)
    if count < 2:
        return dict.fromkeys(people, 0)
    found = {one: before[one] for one in people if one in before}
    size, strength = [0] * count, [0.0] * count
    for one, team in before.items():
        size[team] += 1
        strength[team] += strengths.get(one, AVERAGE)

    def first(one: Id) -> tuple[float, bytes]:
        # the seed decides among equals, so that nobody plays with the same people each time
        return -strengths.get(one, AVERAGE), hashlib.sha256(f"{seed}:{one}".encode()).digest()

    for one in sorted((one for one in people if one not in before), key=first):
        team = min(range(count), key=lambda number: (size[number], strength[number], number))
        found[one] = team
        size[team] += 1
        strength[team] += strengths.get(one, AVERAGE)
    return found


def points(questions: Sequence[Json], given: Json) -> int:
    """Count the right answers among *given*."""
    return sum(given.get(f"q{number}") == str(one["right"]) for number, one in enumerate(questions, start=1))


def counted(questions: Sequence[Json], given: Sequence[Json]) -> Json:
    """Count what everybody gave, without names: each team's average, and how many were right.

    A team is left out where some of it who are not shown, but fewer than `FEWEST_ANSWERS`, would stand behind its
    figure, and so is how often each question was answered rightly where so few stand behind all that is left out.
    """
    teams, hidden = [], 0
    for team in sorted({one["team"] for one in given if "team" in one}):
        of = [one for one in given if one.get("team") == team]
        if not _tells(of):
            hidden += sum(not one.get("shown") for one in of)
            continue
        average = sum(points(questions, one) for one in of) / len(of)
        teams.append({"team": team, "players": len(of), "points": round(average, 2)})
    without = [one for one in given if "team" not in one]
    hidden += sum(not one.get("shown") for one in without)
    right = None
    if hidden == 0 or hidden >= FEWEST_ANSWERS:
        right = [
            sum(points([one], {"q1": each.get(f"q{at}")}) for each in given) for at, one in enumerate(questions, 1)
        ]
    tried = [any(f"q{at}" in each for each in given) for at, _ in enumerate(questions, 1)]
    return {"players": len(given), "teams": teams if len(teams) > 1 else [], "right": right, "tried": tried}


def _tells(given: Sequence[Json]) -> bool:
    hidden = sum(not one.get("shown") for one in given)
    return hidden == 0 or hidden >= FEWEST_ANSWERS
