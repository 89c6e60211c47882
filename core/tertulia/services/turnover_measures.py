"""The family of turnover: headcount, separations by reason, new hires, cohorts, and how long people stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.measures import association, employment, survival
from tertulia.measures.employment import REASONS, Spell
from tertulia.measures.figures import COMPANY, Figure, Period, by_group, quarter
from tertulia.measures.populations import BROAD, ONLY_ALL, Gathered, Population, Share, Statistic
from tertulia.measures.survival import Lifetime
from tertulia.runtime import Runtime
from tertulia.services import employing, releasing
from tertulia.services.measuring import Kind
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import round_table
from tertulia.surveys import scoring
from tertulia.surveys.confidentiality.candidates import Atom, Group
from tertulia.surveys.scoring import Estimate

FEWEST_EMPLOYED = 10
MANY = 50
NEARLY_ALL = 95.0
YEAR = timedelta(days=employment.YEAR)
LATER = timedelta(days=182)
"""Over the last half of the year voluntary leavers are compared with what teams answered before it."""
STAYS = (12, 36)
"""Months after which we ask who still stays."""
SOURCE = "employment as imported, else memberships"
FALLACY = "published team scores and turnover; what holds between teams need not hold for anybody in them"
PROMOTER, DETRACTOR = "promoter", "detractor"


async def gather(runtime: Runtime, tx: Tx, home: Workspace, period: Period, roster: Mapping[Id, Atom]) -> Gathered:
    """Ask for the turnover of a workspace in the year to the end of a quarter.

    Who left is not in the month's roster any more: here everybody who was employed in the year is counted.
    """
    spells = employment.joined_up(await employing.spells(tx, home.organization, home.id))
    end = period.end.date()
    atoms = await _atoms(tx, home.organization, spells)
    lot = f"{home.organization}:{period.key}"
    series = partial("{}:{}".format, home.organization)
    populations = [
        _year(series, lot, atoms, spells, end, (end - period.start.date()).days),
        _hired(series("new"), lot, atoms, spells, end - YEAR - timedelta(days=employment.NEW), employment.NEW),
        _hired(series("hired"), lot, atoms, spells, end - 2 * YEAR, employment.YEAR),
        _stays(series("stays"), lot, atoms, spells, end),
    ]
    scores = await _scores(tx, home, period)
    return Gathered(
        family="turnover",
        period=period.key,
        populations=[one for one in populations if one.atoms],
        derive=partial(_derived, scores=scores),
    )


KIND = Kind(family="turnover", period=quarter, gather=gather)


async def _atoms(tx: Tx, organization: Id, spells: Sequence[Spell]) -> dict[Id, Atom]:
    """Return what everybody who was ever employed is counted by; the worker type is that of the last spell."""
    last = {one.person: one.worker_type for one in spells}
    known = await people.persons(tx, organization, list(last))
    return {
        person: {**releasing.atom_of(known[person], None), "worker_type": kind}
        for person, kind in last.items()
        if person in known
    }


def _year(
    series: Callable[[str], str], lot: str, atoms: Mapping[Id, Atom], spells: Sequence[Spell], end: date, days: int
) -> Population:
    exposure = employment.exposure(spells, end - YEAR, end)
    share = partial(Share, formula="turnover", source=SOURCE, fewest=FEWEST_EMPLOYED, about="year", exposure=exposure)
    inside = frozenset(exposure) & atoms.keys()
    shares = [share(key="turnover", those=employment.left(spells, end - YEAR, end) & inside)]
    for reason in REASONS[:3]:
        those = employment.left(spells, end - YEAR, end, [reason]) & inside
        shares.append(share(key=f"turnover/{reason}", those=those, kinds=BROAD))
    late, recent = timedelta(days=days), partial(employment.exposure, spells)
    shares.append(
        share(
            key="turnover/quarter",
            about="quarter",
            those=employment.left(spells, end - late, end) & inside,
            exposure=recent(end - late, end),
            per_year=employment.YEAR / days,
            kinds=ONLY_ALL,
        )
    )
    shares.append(
        share(
            key="turnover/later",
            about="half-year",
            those=employment.left(spells, end - LATER, end, ["voluntary"]) & inside,
            exposure=recent(end - LATER, end),
            per_year=YEAR / LATER,
            kinds=("department", "team"),
        )
    )

    def headcount(people_: frozenset[Id]) -> Estimate:
        average = sum(exposure.get(one, 0.0) for one in people_)
        return Estimate(average, average, average, int(average))

    average = Statistic(
        key="headcount",
        about="year",
        formula="headcount",
        source=SOURCE,
        fewest=FEWEST_EMPLOYED,
        unit="count",
        step=5,
        of=headcount,
    )
    counted = {one: atoms[one] for one in sorted(inside)}
    return Population(
        key="employed", series=series("employed"), lot=lot, atoms=counted, shares=shares, statistics=[average]
    )


def _hired(
    series: str, lot: str, atoms: Mapping[Id, Atom], spells: Sequence[Spell], start: date, days: int
) -> Population:
    """Ask which part of those who came within a year left, or is still there, so many days after their own start."""
    came = {one: spell for one, spell in employment.cohort(spells, start, start + YEAR).items() if one in atoms}
    gone = employment.left_within(came, days)
    new = days == employment.NEW
    share = Share(
        key="new_hires_left" if new else "still_there",
        about=f"{days} days",
        formula="new-hire-turnover" if new else "cohort-retention",
        source=SOURCE,
        fewest=FEWEST_EMPLOYED,
        kinds=BROAD,
        those=gone if new else frozenset(came) - gone,
    )
    name = "new" if new else "hired"
    return Population(key=name, series=series, lot=lot, atoms={one: atoms[one] for one in came}, shares=[share])


def _stays(series: str, lot: str, atoms: Mapping[Id, Atom], spells: Sequence[Spell], end: date) -> Population:
    seen = employment.lifetimes(spells, end - 3 * YEAR, end)
    counted = {one: atoms[one] for one in sorted(seen) if one in atoms}

    def lives(people_: frozenset[Id]) -> list[Lifetime]:
        return [life for one in sorted(people_) for life in seen[one]]

    def staying(months: int, people_: frozenset[Id]) -> Estimate | None:
        found = survival.staying(lives(people_), months * 365.25 / 12, least_at_risk=FEWEST_EMPLOYED)
        return None if found is None else _without_ends(found)

    def unlike(people_: frozenset[Id]) -> Estimate | None:
        known = lives(people_)
        kinds = {name: [one for one in known if one.kind == name] for name in ("employee", "freelancer")}
        found = survival.log_rank(kinds) if min(map(len, kinds.values())) >= MANY else None
        return None if found is None else Estimate(found[1], found[1], found[1], len(known))

    statistic = partial(Statistic, source=f"{SOURCE}, of three years", fewest=MANY)
    statistics = [
        statistic(
            key=f"stay/{months}",
            about=f"{months} months",
            formula="staying",
            kinds=("company", "attribute"),
            unit="percent",
            step=5,
            of=partial(staying, months),
        )
        for months in STAYS
    ]
    statistics.append(
        statistic(key="stay_difference", formula="log-rank", kinds=ONLY_ALL, unit="share", step=0.01, of=unlike)
    )
    return Population(key="stays", series=series, lot=lot, atoms=counted, statistics=statistics)


def _without_ends(found: Estimate) -> Estimate:
    """Keep an estimate from saying that nobody left, or everybody: that would be about each of them."""
    n = found.n
    if found.value > NEARLY_ALL:
        few = scoring.share(round(n * NEARLY_ALL / 100), n)
        return Estimate(NEARLY_ALL, few.low if few else 0.0, 100.0, n)
    if found.value < 100 - NEARLY_ALL:
        most = scoring.share(round(n * (100 - NEARLY_ALL) / 100), n)
        return Estimate(100 - NEARLY_ALL, 0.0, most.high if most else 100.0, n)
    return found


async def _scores(tx: Tx, home: Workspace, period: Period) -> dict[Group, float]:
    """Return the published recommendation scores of teams of the newest survey that closed before the half-year."""
    closed = sa.func.coalesce(round_table.c.closes_at, round_table.c.opens_at)
    query = sa.select(round_table.c.id).where(
        round_table.c.organization_id == home.organization,
        round_table.c.workspace_id == home.id,
        round_table.c.confidential.is_(True),
        round_table.c.state == "released",
        closed < period.end - LATER,
        closed >= period.end - LATER - YEAR,
    )
    for round_id in (await tx.execute(query.order_by(closed.desc()).limit(20))).scalars().all():
        found: dict[Group, float] = {}
        for cell in await releasing.published(tx, home.organization, round_id):
            counts = {one.name: one.value for one in cell.figures}
            if cell.group.family == "team" and {PROMOTER, DETRACTOR} <= counts.keys():
                passive = sum(counts.values()) - counts[PROMOTER] - counts[DETRACTOR]
                score = scoring.recommendation_score(counts[PROMOTER], passive, counts[DETRACTOR])
                if score is not None:
                    found[cell.group] = score.value
        if found:
            return found
    return {}


def _derived(published: Sequence[Figure], scores: Mapping[Group, float]) -> list[Figure]:
    """Set teams' published scores beside their published turnover of the half-year after."""
    rates = by_group(published, "turnover/later", "half-year")
    units = sorted((group for group in scores if group in rates), key=lambda group: group.key)
    figure = Figure(
        family="turnover",
        key="score_and_turnover",
        group=COMPANY,
        period=published[0].period if published else "",
        unit="score",
        formula="score-and-turnover",
        source=FALLACY,
    )
    if not published:
        return []
    found = association.rank_correlation([scores[one] for one in units], [rates[one].value or 0.0 for one in units])
    second = replace(figure, key="score_and_turnover_p", unit="share")
    if found is None:
        why = f"fewer than {association.FEWEST_UNITS} teams have both figures, or all have the same"
        return [replace(one, withheld=why) for one in (figure, second)]
    values = zip((figure, second), (round(found[0], 2), round(found[1], 4)), strict=True)
    return [replace(one, value=value, n=len(units)) for one, value in values]
