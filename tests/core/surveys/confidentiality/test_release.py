"""What is published cannot be turned against a person, and does not depend on what people answered."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import attack
import numpy as np
import pytest
from attack import Known, Organization

from tertulia.domain.surveys import Item, agreement, recommendation
from tertulia.errors import Mistake
from tertulia.services.releasing import VERSIONS
from tertulia.surveys.confidentiality.candidates import candidates
from tertulia.surveys.confidentiality.release import Closed, Past, Release, release

ENPS = recommendation("recommend", "How likely are you to recommend us?")
PROUD = agreement("proud", "I am proud.")
GIVEN = {0: "2", 1: "8", 2: "10"}


def close(
    organization: Organization, number: int, past: list[Past], items: tuple[Item, ...] = (ENPS,), **options: object
) -> Release:
    answered = organization.rounds[number]
    answers = {
        person: {"recommend": GIVEN[organization.views[person]], "proud": str(organization.views[person] * 2 + 1)}
        for person in answered
    }
    closed = Closed(
        round=f"round {number}",
        asked=organization.atoms,
        answers=answers,
        items=items,
        past=past[-VERSIONS:],
    )
    return release(closed, **options)


def past_of(organization: Organization, number: int, released: Release) -> Past:
    atoms = {person: atom for person, atom in organization.rounds[number].items() if person not in released.left_out}
    return Past(atoms=atoms, cells=released.published, k=released.k)


def all_rounds(organization: Organization) -> list[tuple[Past, Release]]:
    done: list[tuple[Past, Release]] = []
    for number in range(len(organization.rounds)):
        released = close(organization, number, [past for past, _ in done])
        done.append((past_of(organization, number, released), released))
    return done


def what_is_known(organization: Organization, rounds: list[tuple[Past, Release]]) -> list[Known]:
    """Take down all that anybody can read about favourable answers."""
    people = organization.people
    return [
        Known(
            np.array([person in past.atoms and cell.group.includes(past.atoms[person]) for person in people]),
            figure.low,
            figure.high,
        )
        for past, released in rounds
        for cell in released.published
        for figure in cell.figures
        if figure.name == "promoter"
    ]


def attacked(known: list[Known], sample: int = 12) -> dict[str, int]:
    rows = [one.row for one in known]
    people = np.flatnonzero(np.array(rows).any(axis=0))
    targets = random.Random(1).sample(list(people), min(sample, len(people)))
    return {
        "difference": len(attack.by_difference(rows, 5)),
        "rank": len(attack.by_rank(rows, 5)),
        "linear programme": len(attack.by_programme(known, targets, whole=False)),
        "integer programme": len(attack.by_programme(known, targets[: sample // 3], whole=True)),
    }


def check_withstands(size: int, rounds: int, seed: int) -> None:
    organization = attack.organization(size, rounds, seed)
    done = all_rounds(organization)
    print(seed, [(len(one.published), len(one.left_out), one.gate) for _, one in done])
    assert [released.state for _, released in done] == ["released"] * rounds
    assert len(done[0][1].published) > 10
    assert all(released.published for _, released in done)
    found = attacked(what_is_known(organization, done))
    print(found)
    assert set(found.values()) == {0}


@pytest.mark.parametrize("seed", range(5))
def test_no_attack_succeeds(seed: int) -> None:
    check_withstands(110, 2, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(5))
def test_no_attack_succeeds_over_six_rounds(seed: int) -> None:
    check_withstands(300, 6, 10 + seed)


def groups_of(atoms: attack.Atoms) -> Mapping[str, object]:
    return {group.key: group.includes for group in candidates(list(atoms.values()))}


def test_the_same_attacks_succeed_against_a_plain_threshold() -> None:
    """At the pilot's size one round of a plain threshold isolates dozens: so the attacks bite."""
    organization = attack.organization(2820, 1, 7)
    answered = organization.rounds[0]
    shown = attack.plain_threshold(answered, groups_of(organization.atoms), organization.views)
    people = organization.people
    known = [
        Known(np.array([person in members for person in people]), count, count) for members, count in shown.values()
    ]
    rows = [one.row for one in known]
    isolated = attack.by_rank(rows)
    assert len(isolated) >= 40
    assert len(attack.by_difference(rows, 5)) >= 40
    favourable = {people.index(person) for person in people if organization.views[person] == 2}
    target = sorted(isolated)[:2]
    assert attack.by_programme(known, target, whole=False) == set(target)
    assert favourable & isolated


def test_every_attack_bites_on_two_rounds_of_a_small_plain_threshold() -> None:
    organization = attack.organization(110, 2, 3)
    people = organization.people
    known = [
        Known(np.array([person in members for person in people]), count, count)
        for answered in organization.rounds
        for members, count in attack.plain_threshold(
            answered,
            groups_of(organization.atoms),
            organization.views,
        ).values()
    ]
    assert all(attacked(known, 30).values())

    def show(arrived: attack.Atoms) -> Mapping[str, object]:
        groups = groups_of(organization.atoms)
        return attack.plain_threshold(arrived, groups, organization.views)

    assert len(attack.by_refreshing(show, organization.rounds[0])) == 10


def outcomes(released: Release) -> list[tuple[str, str, str]]:
    return [(cell.item, cell.group.key, cell.outcome) for cell in released.cells]


def test_what_is_suppressed_does_not_depend_on_the_answers() -> None:
    organization = attack.organization(110, 2, 4)
    first = close(organization, 0, [], (ENPS, PROUD))
    past = [past_of(organization, 0, first)]
    second = close(organization, 1, past, (ENPS, PROUD))
    views = list(organization.views.values())
    random.Random(9).shuffle(views)
    shuffled = replace(organization, views=dict(zip(organization.views, views, strict=True)))
    other = close(shuffled, 1, past, (ENPS, PROUD))
    assert other.gate == second.gate == "all"
    assert outcomes(other) == outcomes(second)
    assert other.left_out == second.left_out
    assert [cell.figures for cell in other.cells] != [cell.figures for cell in second.cells]


def test_the_same_round_gives_the_same_release() -> None:
    organization = attack.organization(110, 1, 5)
    assert close(organization, 0, []) == close(organization, 0, [])


def test_k_can_be_raised_and_never_lowered() -> None:
    organization = attack.organization(110, 2, 6)
    with pytest.raises(Mistake, match="5 or more"):
        close(organization, 0, [], k=4)
    strict = close(organization, 0, [], k=6)
    later = close(organization, 1, [past_of(organization, 0, strict)], k=5)
    assert later.k == 6
    assert all(cell.answered >= 5 for cell in strict.published)


def changed_by_one(change: str) -> tuple[Release, Release, Organization]:
    organization = attack.organization(110, 2, 8)
    organization.rounds[1] = dict(organization.rounds[0])
    if change == "leaver":
        del organization.rounds[1][min(organization.rounds[0])]
    elif change == "joiner":
        newcomer = min(set(organization.atoms) - set(organization.rounds[0]))
        organization.rounds[1][newcomer] = organization.atoms[newcomer]
    first = close(organization, 0, [])
    return first, close(organization, 1, [past_of(organization, 0, first)]), organization


@pytest.mark.parametrize("change", ["leaver", "joiner"])
def test_one_change_between_rounds_isolates_nobody(change: str) -> None:
    first, second, organization = changed_by_one(change)
    done = [(past_of(organization, number, one), one) for number, one in enumerate((first, second))]
    assert second.left_out  # some answers make room, so that figures can be shown at all
    assert second.published
    assert set(attacked(what_is_known(organization, done)).values()) == {0}


def test_the_same_respondents_give_the_same_cells() -> None:
    first, second, _ = changed_by_one("nothing")
    assert second.left_out == frozenset()
    assert outcomes(second) == outcomes(first)


def everybody_agrees() -> Organization:
    organization = attack.organization(110, 1, 2)
    return replace(organization, views=dict.fromkeys(organization.views, 2))


def test_a_unanimous_organization_forces_nobody() -> None:
    released = close(everybody_agrees(), 0, [])
    known = what_is_known(everybody_agrees(), [(past_of(everybody_agrees(), 0, released), released)])
    assert set(attacked(known).values()) == {0}


def test_without_time_for_the_gate_nothing_is_published() -> None:
    released = close(everybody_agrees(), 0, [], seconds=0)
    assert released.gate in ("all", "withheld")
    if released.gate == "withheld":
        assert released.published == ()


def test_small_groups_and_crosses_say_only_how_many_are_favourable() -> None:
    released = close(attack.organization(160, 1, 1), 0, [], (PROUD,))
    for cell in released.published:
        if cell.group.family == "cross" or cell.answered < 10:
            assert [figure.name for figure in cell.figures] == ["favourable"]
    company = released.published[0]
    assert [figure.name for figure in company.figures] == list(PROUD.points)
