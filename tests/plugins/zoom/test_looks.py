"""Previews are read from the very messages and polls that would be sent, which hold to Zoom's own types."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tertulia import Look, Mistake, Place, Prompt
from tertulia.testing.contracts import PreviewPortContract
from tertulia.testing.samples import sample_prompt
from tertulia_zoom import messages
from tertulia_zoom.looks import ZoomLooks

CONTRACTS = Path(os.environ.get("TERTULIA_CONTRACTS", Path(__file__).parents[3].parent / "shared" / "contracts"))
SCHEMA = CONTRACTS / "zoom" / "rivet-0.4.0-req-SendChatbotMessages.schema.json"
CHANNEL = Place(platform="zoom", ref="c", kind="channel")
MEETING = Place(platform="zoom", ref="123", kind="meeting")


@pytest.fixture(scope="module")
def schema() -> Mapping[str, Any]:
    if not SCHEMA.is_file():
        pytest.skip(f"the contract {SCHEMA.name} is not here; TERTULIA_CONTRACTS names the folder it is in")
    found: Mapping[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


class TestLooks(PreviewPortContract):
    preview = ZoomLooks()
    places = (CHANNEL, MEETING)

    @pytest.fixture(autouse=True)
    def _schema(self, schema: Mapping[str, Any]) -> None:
        self.validator = Draft7Validator(schema)

    def check_sent(self, look: Look, prompt: Prompt, place: Place | None) -> None:
        if look.sent is not None and "body" in look.sent and place is not MEETING:
            message = {"robot_jid": "r", "to_jid": "t", "account_id": "a", "user_jid": "u", "content": look.sent}
            self.validator.validate(message)


def test_a_channel_shows_the_message_and_what_opens_behind_it() -> None:
    posted, opened = ZoomLooks().looks(sample_prompt(), CHANNEL)
    assert not {"one", "line", "tick"} & {piece.kind for piece in posted.pieces}
    assert {"one", "line", "tick", "small"} <= {piece.kind for piece in opened.pieces}
    assert opened.sent == messages.form(sample_prompt())


def test_our_own_styles_are_shown_and_nothing_is_read_into_peoples_words() -> None:
    (look,) = ZoomLooks().looks(sample_prompt(), None)
    said = "".join(piece.words.html() for piece in look.pieces if piece.kind == "text")
    assert "<strong>Hello</strong>" in said
    assert "<em>one</em>" in said
    assert '<a href="https://example.org/?a=1&amp;b=2"' in said
    assert "&lt;script&gt; &amp; *stars*" in said


def test_a_survey_shows_no_word_of_itself_and_is_no_poll() -> None:
    survey = replace(sample_prompt(), privacy="confidential", visibility="me")
    (look,) = ZoomLooks().looks(survey, None)
    assert "Hello" not in json.dumps(look.sent)
    with pytest.raises(Mistake, match="never a poll"):
        ZoomLooks().looks(survey, MEETING)
