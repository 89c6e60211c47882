"""Decide which figures about people may be published, by the auditor, the rounding and the gate of surveys.

A share is published as the release of a survey would publish a question that everybody answered with yes or no. A
statistic is published where the auditor finds its group safe beside all that its series published in the look-back:
like all arithmetic on what is counted in groups, it then tells about no fewer than *k* people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import Item
from tertulia.measures import rates
from tertulia.measures.figures import Figure, rounded_down, why
from tertulia.measures.populations import ATTRIBUTES, FALSE, TRUE, Gathered, Labelled, Population, Share, Statistic
from tertulia.surveys.confidentiality.candidates import Atom, Group, candidates
from tertulia.surveys.confidentiality.release import (
    TO_THE_COMPANY,
    Cell,
    Closed,
    GateOutcome,
    Outcome,
    Past,
    Release,
    audit,
    checked_k,
    leave_out,
    release,
)
from tertulia.surveys.reading import read

_Decided: TypeAlias = dict[tuple[tuple[str, ...], tuple[frozenset[str], ...]], list[Outcome]]
STEPS: tuple[GateOutcome, ...] = ("all", "no_crosses", "base_10", "company", "withheld")
SECONDS = 600.0
"""What the gate may take for the shares of one population; beyond that none of them is published."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """Hold what came of a population: its figures in order, the cells behind them, and who was counted."""

    population: Population
    figures: tuple[Figure, ...]
    cells: tuple[Cell, ...]
    counted: Mapping[Id, Atom]
    k: int
    gate: GateOutcome


def publish(
    gathered: Gathered, population: Population, past: Sequence[Past], *, seconds: float = SECONDS
) -> Published:
    """Decide what may be published of *population* beside *past*, what its series published in the look-back.

    The same input gives the same figures. What is withheld depends on who is in which group, and not on any fact
    about them, but for what the gate decided for all groups together.
    """
    groups = candidates(list(population.atoms.values()), (), ATTRIBUTES)
    k = checked_k(population.k, past)
    left_out = leave_out(population.lot, groups, population.atoms, past, k)
    counted = {one: atom for one, atom in population.atoms.items() if one not in left_out}
    figures: list[Figure] = []
    cells: list[Cell] = []
    gates: list[GateOutcome] = ["all"]
    for kinds in dict.fromkeys(frozenset(share.kinds) for share in population.shares):
        shares = {share.key: share for share in population.shares if frozenset(share.kinds) == kinds}
        some = [group for group in groups if group.family in kinds]
        made = _released(population, list(shares.values()), some, left_out, past, seconds)
        gates.append(made.gate)
        for cell in made.cells:
            figure, kept = _of_share(gathered, shares[cell.item], cell, counted, k)
            figures.append(figure)
            cells.append(kept)
    decided: _Decided = {}
    for statistic in population.statistics:
        for figure, cell in _of_statistic(gathered, statistic, groups, counted, past, k, decided):
            figures.append(figure)
            cells.append(cell)
    return Published(
        population=population,
        figures=tuple(figures),
        cells=tuple(cells),
        counted=counted,
        k=k,
        gate=max(gates, key=STEPS.index),
    )


def _released(
    population: Population,
    shares: Sequence[Share],
    groups: Sequence[Group],
    left_out: frozenset[Id],
    past: Sequence[Past],
    seconds: float,
) -> Release:
    """Release the shares that are asked for of the same kinds of groups, as a survey's round would be."""
    answers: dict[Id, dict[str, str]] = {
        person: {share.key: TRUE if person in share.those else FALSE for share in shares}
        for person in population.atoms
    }
    closed = Closed(
        round=population.lot,
        asked=population.atoms,
        answers=answers,
        items=[share.item for share in shares],
        past=past,
        crosses=(),
        groups=groups,
        left_out=left_out,
    )
    return release(closed, k=population.k, seconds=seconds, ladder=TO_THE_COMPANY)


def _blank(gathered: Gathered, asked: Labelled, group: Group) -> Figure:
    return Figure(
        family=gathered.family,
        key=asked.key,
        about=asked.about,
        group=group,
        period=gathered.period,
        unit="percent",
        formula=asked.formula,
        source=asked.source,
    )


def _of_share(
    gathered: Gathered, share: Share, cell: Cell, counted: Mapping[Id, Atom], k: int
) -> tuple[Figure, Cell]:
    """Return the figure of a cell, and the cell as it is published."""
    blank = replace(_blank(gathered, share, cell.group), unit="percent" if share.exposure is None else "per_year")
    inside = [person for person, atom in counted.items() if cell.group.includes(atom)]
    headcount = None if share.exposure is None else sum(share.exposure.get(person, 0.0) for person in inside)
    enough = min(len(inside), len(inside) if headcount is None else headcount) >= share.fewest
    if cell.outcome == "published" and not enough:
        cell = replace(cell, outcome="too_few", answered=0, figures=())
    if cell.outcome != "published":
        return replace(blank, withheld=why(cell.outcome, max(k, share.fewest))), cell
    band = next(one for one in cell.figures if one.name == TRUE)
    plain = replace(blank, numerator=band.value, least=band.low, most=band.high)
    if headcount is not None:
        rate = rates.per_headcount((band.value, band.low, band.high), headcount, share.per_year)
        n = rounded_down(headcount)
        return replace(plain, value=rate.value, low=rate.low, high=rate.high, n=n, denominator=n), cell
    counts = {one.name: one.value for one in cell.figures}
    bounds = {one.name: (one.low, one.high) for one in cell.figures}
    estimate = read(share.item, cell.answered, counts, bounds).estimate
    if estimate is None:
        # fewer than ten: whether few, some or most of them, by the least and the most
        return replace(plain, n=cell.answered, denominator=cell.answered), cell
    known = replace(plain, value=estimate.value, low=estimate.low, high=estimate.high)
    return replace(known, n=cell.answered, denominator=cell.answered), cell


def _of_statistic(
    gathered: Gathered,
    asked: Statistic,
    groups: Sequence[Group],
    counted: Mapping[Id, Atom],
    past: Sequence[Past],
    k: int,
    decided: _Decided,
) -> list[tuple[Figure, Cell]]:
    """Return the figures of a statistic and the cells that a later look-back counts."""
    wanted = [group for group in groups if group.family in asked.kinds]
    inside = {group: frozenset(one for one, atom in counted.items() if group.includes(atom)) for group in wanted}
    large = [group for group in wanted if len(inside[group]) >= asked.fewest]
    outcomes = dict(zip(large, _audited(asked.key, large, counted, past, k, decided), strict=True))
    found = []
    for group in wanted:
        outcome = outcomes.get(group, "too_few")
        blank = replace(_blank(gathered, asked, group), unit=asked.unit)
        cell = Cell(item=asked.key, group=group, outcome=outcome)
        if outcome != "published":
            found.append((replace(blank, withheld=why(outcome, max(k, asked.fewest))), cell))
            continue
        estimate = asked.of(inside[group])
        if estimate is None:
            figure = replace(blank, n=rounded_down(len(inside[group])), withheld=why("undefined", k))
        else:
            estimate = rates.off_the_ends(estimate, asked.least, asked.most, asked.edge)
            value, low, high = (
                rates.to_step(one, asked.step) for one in (estimate.value, estimate.low, estimate.high)
            )
            figure = replace(blank, value=value, low=low, high=high, n=rounded_down(estimate.n))
        found.append((figure, cell))
    return found


def _audited(
    key: str,
    groups: Sequence[Group],
    counted: Mapping[Id, Atom],
    past: Sequence[Past],
    k: int,
    decided: _Decided,
) -> list[Outcome]:
    """Return the auditor's decisions; statistics about which it is asked the same share them."""
    shown = tuple(frozenset(cell.group.key for cell in one.cells if cell.item == key) for one in past)
    question = (tuple(group.key for group in groups), shown)
    if question not in decided:
        item = Item(key=key, text=key, points=(), levels=())
        decided[question] = audit(item, groups, counted, past, k)
    return decided[question]
