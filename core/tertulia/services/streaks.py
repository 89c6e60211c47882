"""How often somebody took part of late, and how often in a row: for that person's own eyes, and kept nowhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.measures.participation import streak
from tertulia.runtime import Runtime
from tertulia.services import attendance
from tertulia.storage import people
from tertulia.storage.database import Tx

WINDOW = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Streak:
    """Hold how often a person took part of the *times* that a practice asked: in all, now in a row, longest."""

    title: str
    times: int
    taken: int
    now: int
    longest: int


async def own(runtime: Runtime, tx: Tx, person: Person) -> list[Streak]:
    """Return the person's streaks of the last 90 days by practice; surveys are in none of them.

    A round counts if the person was invited to it or took part.
    """
    until = runtime.clock.now()
    found: list[Streak] = []
    for workspace in await people.workspaces_of(tx, person.organization, person.id):
        home = await people.workspace(tx, person.organization, workspace)
        if home is None:
            continue
        held = [one for one in await attendance.held(tx, home, until - WINDOW, until) if not one.round.confidential]
        seen = await attendance.occasions(tx, home, held, [person.id], {})
        taken: dict[str, list[bool]] = defaultdict(list)
        practices: dict[str, Practice] = {}
        for one, occasion in zip(held, seen, strict=True):
            took_part = person.id in occasion.platforms
            if took_part or person.id in occasion.invited:
                practices[one.practice.key] = one.practice
                taken[one.practice.key].append(took_part)
        for key, practice in sorted(practices.items(), key=lambda pair: pair[1].title):
            now, longest = streak(taken[key])
            count = len(taken[key])
            found.append(Streak(title=practice.title, times=count, taken=sum(taken[key]), now=now, longest=longest))
    return found
