"""Previews are read from the very card that would be made: its name, description, checklist and due date."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Look, Markup, Mistake, Place, Prompt
from tertulia.testing.contracts import PreviewPortContract
from tertulia.testing.samples import sample_prompt
from tertulia_trello import cards
from tertulia_trello.actions import BREAK
from tertulia_trello.looks import CardLooks, read

CONTRACTS = Path(os.environ.get("TERTULIA_CONTRACTS", Path(__file__).parents[3].parent / "shared" / "contracts"))
SPEC = CONTRACTS / "trello/trello.swagger.v3.json"
BOARD = Place(platform="trello", ref="b", kind="board")
TAKEN = {"name": "string", "desc": "string", "due": "string"}


class TestLooks(PreviewPortContract):
    preview = CardLooks("tertulia")
    places = (BOARD,)
    asks = False

    def check_sent(self, look: Look, prompt: Prompt, place: Place | None) -> None:
        assert look.sent is not None
        assert look.sent["name"] == cards.title(prompt)
        assert look.sent["desc"] == cards.description(prompt, "tertulia")


def test_what_is_shown_are_parameters_that_trello_takes() -> None:
    if not SPEC.is_file():
        pytest.skip(f"the contract {SPEC.name} is not here; TERTULIA_CONTRACTS names the folder it is in")
    parameters = json.loads(SPEC.read_text())["paths"]["/cards"]["post"]["parameters"]
    taken = {one["name"]: one["schema"].get("type") for one in parameters}
    prompt = replace(sample_prompt(), closes=datetime(2027, 1, 4, 12, tzinfo=UTC))
    (look,) = CardLooks("tertulia").looks(prompt, BOARD)
    assert look.sent is not None
    assert {name: taken[name] for name in TAKEN} == TAKEN
    assert set(look.sent) == {*TAKEN, "checklist"}
    assert look.sent["checklist"]["items"] == ["Confirm"]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=60))
def test_escaped_words_are_shown_as_they_were_written(text: str) -> None:
    written = "".join(text.split())
    # what breaks mentions and addresses is not seen
    assert read(cards.escape(written)).plain().replace(BREAK, "") == Markup.literal(written).plain()


def test_what_others_must_not_see_is_never_on_a_card() -> None:
    with pytest.raises(Mistake, match="take the board out"):
        CardLooks("t").looks(replace(sample_prompt(), visibility="me"), BOARD)
    with pytest.raises(Mistake, match="no private channel"):
        CardLooks("t").looks(sample_prompt(), None)
