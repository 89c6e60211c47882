"""The family of participation: the funnel of each round, reach over 90 days, and how fairly hours are shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.measures import participation, rates
from tertulia.measures.figures import COMPANY, FLOOR, ZONE, Figure, Period, by_group, rounded_down, week
from tertulia.measures.participation import Occasion
from tertulia.measures.populations import BROAD, ONLY_ALL, Gathered, Population, Share, Statistic
from tertulia.runtime import Runtime
from tertulia.services import attendance
from tertulia.services.attendance import Held
from tertulia.services.measuring import Kind
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import identity
from tertulia.surveys import scoring
from tertulia.surveys.confidentiality.candidates import Atom, Group
from tertulia.surveys.scoring import Estimate

REACH = timedelta(days=90)
FUNNEL = ("invited", "reached", "responded", "attended")
MANY = 50
"""Of fewer people a rounded Gini coefficient could tell that all of them, or none, took part."""
SOURCE = "invitations, named responses and attendance of rounds; no survey"
SURVEYS = "the published counts of survey rounds"
NO_MOMENT = "nothing was held for which all come together at one moment"
CALENDAR = "the program's rounds at a common moment"


async def gather(runtime: Runtime, tx: Tx, home: Workspace, period: Period, roster: Mapping[Id, Atom]) -> Gathered:
    """Ask for the participation of a workspace in the 90 days to the end of a week."""
    every = await attendance.held(tx, home, period.end - REACH, period.end)
    open_ = [one for one in every if not one.round.confidential and not one.practice.audience.groups]
    eligible = await _eligible(tx, home, open_, roster)
    seen = await attendance.occasions(tx, home, open_, roster, eligible)
    this_week = [pair for pair in zip(open_, seen, strict=True) if _closed(pair[0]) >= period.start]
    lot = f"{home.id}:{period.month}"
    # before anything was held nobody was reached, and that would be the past that later figures are compared with
    everybody = [_members(home, lot, roster, seen, await _platforms(tx, home))] if open_ else []
    populations = [
        *everybody,
        *_practices(home, lot, roster, seen, eligible),
        *_rounds(home, lot, roster, this_week),
    ]
    surveys = [
        one for one in every if one.round.confidential and (one.round.closes_at or one.round.opens_at) >= period.start
    ]
    return Gathered(
        family="participation",
        period=period.key,
        populations=populations,
        plain=[*_of_surveys(period, surveys), *_fairness(period, roster, _common_moments(open_))],
        derive=_derived,
    )


KIND = Kind(family="participation", period=week, gather=gather)


def _closed(one: Held) -> datetime:
    return one.round.closes_at or one.round.opens_at


async def _platforms(tx: Tx, home: Workspace) -> list[str]:
    """Return the platforms on which people of the organization have accounts, and the web, whoever used them."""
    query = sa.select(identity.c.platform).where(
        identity.c.organization_id == home.organization, identity.c.person_id.is_not(None)
    )
    return sorted({*(await tx.execute(query.distinct())).scalars(), "web"})


async def _eligible(
    tx: Tx, home: Workspace, some: Sequence[Held], roster: Mapping[Id, Atom]
) -> dict[str, frozenset[Id]]:
    """Return whom of the roster each practice addresses, as its newest round had it."""
    known = await people.persons(tx, home.organization, list(roster))
    newest = {one.round.practice: one.practice for one in some}
    return {
        key: frozenset(one for one in roster if one in known and practice.audience.includes(known[one]))
        for key, practice in newest.items()
    }


def _members(
    home: Workspace, lot: str, roster: Mapping[Id, Atom], seen: Sequence[Occasion], platforms: Sequence[str]
) -> Population:
    counts = participation.times(seen)
    share = partial(Share, formula="reach", source=SOURCE)
    shares = [
        share(key="reach", those=_inside(roster, counts, 1)),
        share(key="repeat", formula="repeat-share", those=_inside(roster, counts, 2), kinds=ONLY_ALL),
    ]
    for name in platforms:
        through = {person for one in seen for person, some in one.platforms.items() if name in some}
        those = frozenset(through & roster.keys())
        shares.append(share(key=f"reach/{name}"[:60], about=f"platform:{name}", those=those, kinds=ONLY_ALL))
    gini = Statistic(
        key="inequality",
        formula="gini",
        source=SOURCE,
        kinds=BROAD,
        fewest=MANY,
        unit="share",
        step=0.05,
        of=partial(participation.inequality, counts),
    )
    return Population(
        key="members", series=f"members:{home.id}", lot=lot, atoms=roster, shares=shares, statistics=[gini]
    )


def _inside(people_: Mapping[Id, Atom] | frozenset[Id], counts: Counter[Id], least: int) -> frozenset[Id]:
    return frozenset(one for one in people_ if counts[one] >= least)


def _practices(
    home: Workspace,
    lot: str,
    roster: Mapping[Id, Atom],
    seen: Sequence[Occasion],
    eligible: Mapping[str, frozenset[Id]],
) -> list[Population]:
    found = []
    for practice in sorted(eligible):
        counts = participation.times([one for one in seen if one.practice == practice])
        name = f"practice:{practice}"
        those = _inside(eligible[practice], counts, 1)
        found.append(
            Population(
                key=name,
                series=f"{name}:{home.id}",
                lot=lot,
                atoms={one: roster[one] for one in roster if one in eligible[practice]},
                shares=[Share(key="reach", about=name, formula="reach", source=SOURCE, those=those)],
            )
        )
    return found


def _rounds(
    home: Workspace, lot: str, roster: Mapping[Id, Atom], some: Sequence[tuple[Held, Occasion]]
) -> list[Population]:
    """Ask for the funnel of each round, of everybody whom it addressed; the program says which stages it has."""
    found = []
    for held, one in some:
        sets = dict(zip(FUNNEL, (one.invited, one.reached, one.responded, one.attended), strict=True))
        stages = [*(FUNNEL[:2] if held.practice.ask != "place" else ()), "responded"]
        shares = [
            Share(
                key=stage,
                about=f"round:{one.round}",
                formula="funnel",
                source=f"round {one.round} of {one.practice}",
                those=frozenset(sets[stage] & one.eligible),
                kinds=ONLY_ALL,
            )
            for stage in [*stages, *(["attended"] if held.practice.places else [])]
        ]
        atoms: dict[Id, Atom] = {person: {} for person in roster if person in one.eligible}
        series = f"round:{one.practice}:{home.id}"
        found.append(Population(key=f"round:{one.round}", series=series, lot=lot, atoms=atoms, shares=shares))
    return found


def _of_surveys(period: Period, some: Sequence[Held]) -> list[Figure]:
    """Tell the counts of survey rounds as they were published at their close."""
    found = []
    for one in some:
        kept = (one.round.summary or {}).get("figures", {})
        invited, answered = rounded_down(kept.get("invited", 0)), int(kept.get("answered", 0))
        figure = partial(
            Figure,
            family="participation",
            key="answered",
            about=f"round:{one.round.id}",
            group=COMPANY,
            period=period.key,
            unit="percent",
            formula="funnel",
            source=f"{SURVEYS}: {one.round.practice}",
        )
        least, most = (
            scoring.share(answered, invited + FLOOR - 1),
            scoring.share(min(answered + FLOOR - 1, invited), invited),
        )
        if not answered or least is None or most is None:
            found.append(figure(withheld="too few people"))
            continue
        found.append(
            figure(
                value=min(100.0, 100 * answered / invited),
                low=least.low,
                high=most.high,
                n=invited,
                numerator=answered,
                denominator=invited,
                least=answered,
                most=answered + FLOOR - 1,
            )
        )
    return found


def _common_moments(some: Sequence[Held]) -> list[datetime]:
    """Return when rounds took place that everybody meets in at one moment."""
    return [
        one.round.opens_at
        for one in some
        if one.practice.cadence.time == "common" and one.practice.ask != "each" and one.practice.places
    ]


def _fairness(period: Period, roster: Mapping[Id, Atom], moments: Sequence[datetime]) -> list[Figure]:
    """Tell which part of the common moments lies outside 8 to 18 in each zone of at least five people.

    It says nothing about anybody's behaviour: it is the program's calendar beside the map.
    """
    zones = Counter(atom[ZONE] for atom in roster.values() if ZONE in atom)
    found, burdens = [], []
    figure = partial(Figure, family="participation", period=period.key, unit="percent", source=CALENDAR)
    for zone, size in sorted(zones.items(), key=lambda item: (-item[1], item[0])):
        group = Group(family="attribute", terms=((ZONE, zone),))
        one = partial(figure, key="burden", group=group, formula="burden")
        estimate = scoring.share(participation.burdened(moments, zone), len(moments))
        if size < FLOOR or estimate is None:
            found.append(one(withheld="too few people" if size < FLOOR else NO_MOMENT))
            continue
        burdens.append(estimate.value)
        found.append(one(value=estimate.value, n=rounded_down(size)))
    n = rounded_down(sum(size for size in zones.values() if size >= FLOOR))
    spread = partial(figure, group=COMPANY, n=n)
    if not burdens:
        why = "too few people" if moments else NO_MOMENT
        found.append(spread(key="burden_spread", formula="burden", n=0, withheld=why))
    else:
        found.append(spread(key="burden_spread", formula="burden", value=max(burdens) - min(burdens)))
        unequal = rates.gini(burdens)
        found.append(spread(key="burden_inequality", formula="gini", unit="share", value=unequal or 0.0))
    return found


def _derived(published: Sequence[Figure]) -> list[Figure]:
    """Compare employees with freelancers, and who came again with who came, by published figures alone."""
    reach = by_group(published, "reach")
    found = []
    kinds = [Group(family="attribute", terms=(("worker_type", name),)) for name in ("employee", "freelancer")]
    both = [reach[one] for one in kinds if one in reach]
    whole = reach.get(COMPANY)
    if len(both) == 2:
        between = rates.difference_of(*(_estimate(one) for one in both))
        found.append(_like(both[0], "reach_difference", "newcombe", between))
    again = by_group(published, "repeat").get(COMPANY)
    if whole is not None and again is not None and whole.numerator:
        part = scoring.share(min(again.numerator or 0, whole.numerator), whole.numerator)
        least = scoring.share(again.least or 0, max(whole.most or 1, 1))
        most = scoring.share(min(again.most or 0, whole.least or 0), max(whole.least or 1, 1))
        if part is not None and least is not None and most is not None:
            found.append(
                _like(again, "repeat_share", "repeat-share", Estimate(part.value, least.low, most.high, part.n))
            )
    return found


def _estimate(figure: Figure) -> Estimate:
    return Estimate(figure.value or 0.0, figure.low or 0.0, figure.high or 0.0, figure.n)


def _like(figure: Figure, key: str, formula: str, estimate: Estimate) -> Figure:
    return Figure(
        family=figure.family,
        key=key,
        group=COMPANY,
        period=figure.period,
        unit="percent",
        formula=formula,
        source=f"published figures of {figure.key}",
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
    )
