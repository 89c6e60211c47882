"""Invented people in the stand-in's Teams: who has an account, and what of a card they can fill in."""

from __future__ import annotations

from tertulia import Clock, Resident
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH
from tertulia.testing.samples import sample_prompt
from tertulia_teams import cards
from tertulia_teams.sandbox import TeamsSandbox
from tertulia_teams.stand_in import players


def test_a_card_is_read_back_as_the_fields_that_it_asks() -> None:
    prompt = sample_prompt()
    found = players.fields(cards.card(prompt))
    assert [one.key for one in found] == [f"{one.kind}.{one.key}" for one in prompt.fields]
    assert [one.kind for one in found] == [one.kind for one in prompt.fields]
    for shown, asked in zip(found, prompt.fields, strict=True):
        assert shown.required == asked.required
        assert len(shown.options) == len(asked.options)


def test_who_is_employed_has_an_account() -> None:
    residents = [resident("Ana", "employee"), resident("Ben", "freelancer")]
    made = TeamsSandbox()
    clock: Clock = DrivenClock(EPOCH)
    made.settle(residents, clock)
    assert [one.mail for one in made.stand_in.tenant.people.values()] == ["ana@hub.example"]
    (place,) = made.places()
    assert place.kind == "channel"
    assert made.arrivals() == []
    assert made.seats("ben@hub.example") == []


def resident(name: str, kind: str) -> Resident:
    return Resident(
        name=name,
        email=f"{name.lower()}@hub.example",
        zone="UTC",
        language="en",
        team="Care",
        location="Lisbon",
        worker_type="employee" if kind == "employee" else "freelancer",
    )
