"""A candle opens with its responder's phrase, in its own place, and with nothing else."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake, Refused
from tertulia.surveys.candle import sealing

ORGANIZATION, CANDLE = "o" * 32, "c" * 32


def test_a_phrase_opens_what_was_sealed_to_its_key_however_it_is_typed() -> None:
    phrase = sealing.new_phrase(secrets.token_bytes)
    assert [len(group) for group in phrase.split("-")] == [4] * 7
    sealed = sealing.seal({"name": "Ana"}, sealing.public_key(ORGANIZATION, phrase), ORGANIZATION, CANDLE)
    for typed in (phrase, phrase.lower(), phrase.replace("-", " "), f"  {phrase}\n"):
        assert sealing.unseal(sealed, typed, ORGANIZATION, CANDLE) == {"name": "Ana"}


def test_neither_another_phrase_nor_another_place_opens_it() -> None:
    phrase, other = (sealing.new_phrase(secrets.token_bytes) for _ in range(2))
    sealed = sealing.seal({"name": "Ana"}, sealing.public_key(ORGANIZATION, phrase), ORGANIZATION, CANDLE)
    for wrong, organization, candle in (
        (other, ORGANIZATION, CANDLE),
        (phrase, "p" * 32, CANDLE),
        (phrase, ORGANIZATION, "d" * 32),
    ):
        with pytest.raises(Refused):
            sealing.unseal(sealed, wrong, organization, candle)
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(Refused):
        sealing.unseal(altered, phrase, ORGANIZATION, CANDLE)


@settings(max_examples=25)
@given(st.text(max_size=200))
def test_the_length_tells_nothing_and_the_text_comes_back(name: str) -> None:
    phrase = sealing.new_phrase(secrets.token_bytes)
    key = sealing.public_key(ORGANIZATION, phrase)
    sealed = sealing.seal({"name": name}, key, ORGANIZATION, CANDLE)
    assert len(sealed) == len(sealing.seal({}, key, ORGANIZATION, CANDLE))
    again = sealing.unseal(sealed, phrase, ORGANIZATION, CANDLE)["name"]
    assert again == name.encode(errors="replace").decode()


def test_what_does_not_fit_is_a_mistake() -> None:
    key = sealing.public_key(ORGANIZATION, sealing.new_phrase(secrets.token_bytes))
    with pytest.raises(Mistake, match="too long"):
        sealing.seal({"name": "x" * sealing.SIZE}, key, ORGANIZATION, CANDLE)


@pytest.mark.parametrize("text", ["", "ABCD", "0" * 28, "é" * 28, "A" * 29])
def test_other_texts_are_no_phrases(text: str) -> None:
    with pytest.raises(Mistake, match="seven groups"):
        sealing.public_key(ORGANIZATION, text)
