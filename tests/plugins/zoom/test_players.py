"""Invented people in the stand-in's Team Chat: what of a message they can fill in, and which button answers."""

from __future__ import annotations

from tertulia import Resident
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH
from tertulia.testing.samples import sample_prompt
from tertulia_zoom import messages
from tertulia_zoom.sandbox import ZoomSandbox
from tertulia_zoom.stand_in import players


def test_a_message_is_read_back_as_the_fields_that_it_asks() -> None:
    prompt = sample_prompt()
    found = list(players.fields(messages.question(prompt)))
    kinds = {"scale": "one", "short": "long"}  # Zoom knows one kind of list and one of line
    assert [one.kind for one in found] == [kinds.get(one.kind, one.kind) for one in prompt.fields]
    for shown, asked in zip(found, prompt.fields, strict=True):
        assert len(shown.options) == len(asked.options)


def test_the_first_has_an_account_and_hosts_the_meeting() -> None:
    residents = [
        Resident(
            name=name,
            email=f"{name.lower()}@hub.example",
            zone="UTC",
            language="en",
            team="Care",
            location="Lisbon",
            worker_type="freelancer",
        )
        for name in ("Ana", "Ben", "Cara")
    ]
    made = ZoomSandbox()
    made.settle(residents, DrivenClock(EPOCH))
    town = made.server.town
    host = town.meetings[made.weekly]["host_id"]
    assert town.users[host]["email"] == "ana@hub.example"
    assert {seat.label for seat in made.seats("ana@hub.example")} == {"Zoom chat", "Zoom meeting"}
    assert made.arrivals() == []
