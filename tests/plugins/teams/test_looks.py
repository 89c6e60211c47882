"""Previews are read from the very card that would be sent, which holds to the official schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft6Validator

from tertulia import Look, Place, Prompt
from tertulia.testing.contracts import PreviewPortContract
from tertulia.testing.samples import sample_prompt
from tertulia_teams import cards
from tertulia_teams.looks import CardLooks

CHANNEL = Place(platform="teams", ref="19:x@thread.tacv2", kind="channel")


class TestLooks(PreviewPortContract):
    preview = CardLooks()
    places = (CHANNEL, Place(platform="teams", ref="19:m@thread.v2", kind="meeting"))

    @pytest.fixture(autouse=True)
    def _schema(self, contract: Callable[[str], Any]) -> None:
        self.schema = contract("adaptivecards/adaptive-card-1.5.0.json")

    def check_sent(self, look: Look, prompt: Prompt, place: Place | None) -> None:
        assert look.sent == cards.message(prompt, shared=place is not None)
        card = look.sent["attachments"][0]["content"]
        for part in (*card["body"], *card.get("actions", ())):
            only = {**self.schema, "anyOf": [{"$ref": f"#/definitions/{part['type']}"}]}
            Draft6Validator(only).validate(part)


def test_every_part_of_a_card_is_shown_in_its_order() -> None:
    (look,) = CardLooks().looks(sample_prompt(), None)
    kinds = [piece.kind for piece in look.pieces]
    assert kinds[0] == "title"
    fields = ["one", "many", "one", "line", "lines", "tick", "small", "button", "button", "button", "link"]
    assert kinds[-11:] == fields
    # people's words have no mark-up in them, ours keep theirs
    said = [piece.words for piece in look.pieces if piece.kind == "text"]
    assert "<strong>Hello</strong>" in said[0].html()
    assert "&lt;script&gt; &amp; *stars*" in said[-1].html()


def test_the_place_has_its_own_name() -> None:
    titles = {
        json.dumps(look.title) for place in (None, CHANNEL) for look in CardLooks().looks(sample_prompt(), place)
    }
    assert len(titles) == 2
