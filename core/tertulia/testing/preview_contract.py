"""What every preview port must keep; see `tertulia.testing.contracts`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tertulia.capabilities import PreviewPort
from tertulia.domain.looks import Look, Piece
from tertulia.domain.people import Place
from tertulia.domain.prompts import Prompt
from tertulia.errors import Mistake
from tertulia.testing.samples import sample_prompt, summary_prompt


class PreviewPortContract:
    """Test a preview port.

    A subclass sets *preview*, *places*, one of each kind that the platform serves, and whether it *asks* one person.
    """

    preview: PreviewPort
    places: Sequence[Place]
    asks = True

    def check_sent(self, look: Look, prompt: Prompt, place: Place | None) -> None:
        """Hold what would be sent to the vendor's own description; a subclass that has one does."""

    def _looks(self, prompt: Prompt) -> Iterator[tuple[Look, Place | None]]:
        for place in (*((None,) if self.asks else ()), *self.places):
            for look in self.preview.looks(prompt, place):
                yield look, place

    def test_a_question_is_shown_with_what_it_asks(self) -> None:
        """Every look has a title, and somewhere all fields and buttons are to be seen."""
        prompt = sample_prompt()
        seen: dict[Place | None, str] = {}
        for look, place in self._looks(prompt):
            assert look.title
            assert look.pieces
            seen[place] = seen.get(place, "") + "\n".join(map(_words, look.pieces))
            self.check_sent(look, prompt, place)
        assert len(seen) == len(self.places) + self.asks
        for text in seen.values():
            assert all(field.label in text for field in prompt.fields)

    def test_what_is_sent_is_json_and_the_same_each_time(self) -> None:
        """A preview is pure, and what would be sent can be written down."""
        prompt = sample_prompt()
        first, again = list(self._looks(prompt)), list(self._looks(prompt))
        assert first == again
        assert all(json.loads(json.dumps(look.sent)) == look.sent for look, _ in first)

    def test_a_shared_place_never_gets_a_personal_link(self) -> None:
        """The link is one person's own."""
        prompt = sample_prompt()
        assert prompt.link is not None
        for look, place in self._looks(prompt):
            if place is not None:
                assert prompt.link not in json.dumps(look.sent)

    def test_a_summary_asks_nothing(self) -> None:
        """What only tells has nothing to fill in; a platform may refuse to show it."""
        prompt = summary_prompt()
        for place in self.places:
            try:
                looks = self.preview.looks(prompt, place)
            except Mistake:
                continue
            for look in looks:
                self.check_sent(look, prompt, place)
                assert not {"one", "many", "line", "lines", "tick"} & {piece.kind for piece in look.pieces}

    def test_a_survey_is_never_shown_in_a_shared_place(self) -> None:
        """Its questions stay between the asker and the asked: a place shows no field of it, or refuses."""
        prompt = replace(sample_prompt(), privacy="confidential", visibility="me")
        for place in self.places:
            try:
                looks = self.preview.looks(prompt, place)
            except Mistake:
                continue
            for look in looks:
                assert not {"one", "many", "line", "lines", "tick"} & {piece.kind for piece in look.pieces}


def _words(piece: Piece) -> str:
    return " ".join((piece.label, piece.words.plain(), *piece.options))
