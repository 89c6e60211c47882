"""What is sealed opens at its place only, unaltered, and with its key."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tertulia.errors import Refused, Unsafe
from tertulia.storage.vault import (
    KEY_ID,
    Vault,
    inbox_place,
    installation_place,
    outbox_place,
    store_place,
    subscription_place,
)

OLD, NEW = {b"old1": b"o" * 32}, {b"new1": b"n" * 32}
VAULT = Vault({**OLD, **NEW})
PLACES = st.lists(st.text(max_size=8), max_size=4).map(tuple)


@given(plain=st.binary(max_size=200), place=PLACES)
def test_what_is_sealed_opens_at_its_place(plain: bytes, place: tuple[str, ...]) -> None:
    sealed = VAULT.seal(plain, *place)
    assert VAULT.open(sealed, *place) == plain
    assert sealed[:KEY_ID] == VAULT.newest == b"new1"


@given(plain=st.binary(max_size=50), place=PLACES, other=PLACES)
def test_a_moved_blob_never_opens(plain: bytes, place: tuple[str, ...], other: tuple[str, ...]) -> None:
    assume(place != other)
    with pytest.raises(Refused):
        VAULT.open(VAULT.seal(plain, *place), *other)


@given(plain=st.binary(max_size=50), position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_an_altered_blob_never_opens(plain: bytes, position: int, flip: int) -> None:
    sealed = bytearray(VAULT.seal(plain, "here"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(Refused):
        VAULT.open(bytes(sealed), "here")


@given(sealed=st.binary(max_size=80))
def test_rubbish_is_refused_and_nothing_else_is_raised(sealed: bytes) -> None:
    for blob in (sealed, b"new1" + sealed):
        with pytest.raises(Refused):
            VAULT.open(blob, "here")


@given(token=st.text(max_size=80))
def test_a_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        VAULT.open_token(token, "here")


@given(cut=st.integers(1, 60))
def test_a_cut_blob_never_opens(cut: int) -> None:
    with pytest.raises(Refused):
        VAULT.open(VAULT.seal(b"x" * 28, "here")[:-cut], "here")


def test_json_and_tokens_come_back() -> None:
    value = {"a": [1, None, "ü"]}
    assert VAULT.open_json(VAULT.seal_json(value, "p"), "p") == value
    token = VAULT.token(value, "p")
    assert VAULT.open_token(token, "p") == value
    assert not set(token) & set("=+/")


def test_an_old_key_opens_until_it_is_removed() -> None:
    sealed = Vault(OLD).seal(b"x", "p")
    assert VAULT.open(sealed, "p") == b"x"
    with pytest.raises(Refused, match="not in TERTULIA_KEYS"):
        Vault(NEW).open(sealed, "p")


def test_hashes_of_one_root_agree_whatever_the_keys_and_differ_by_purpose() -> None:
    root = b"r" * 32
    first = Vault(OLD).with_root(root).keyed_hash("event", "inbox")
    assert first == Vault(NEW).with_root(root).keyed_hash("event", "inbox")
    assert first != Vault(OLD).with_root(root).keyed_hash("event", "seen")
    assert first != Vault(OLD).with_root(b"s" * 32).keyed_hash("event", "inbox")
    assert Vault(OLD).keyed_hash("\ud800", "any")


def test_no_two_kinds_of_rows_share_a_place() -> None:
    places = [installation_place("a", "b"), subscription_place("a", "b"), store_place("a", "b", "c")]
    places += [inbox_place("a", "b"), outbox_place("a", "b")]
    assert len(set(places)) == 5


@pytest.mark.parametrize("keys", [{}, {b"long id": b"k" * 32}])
def test_unusable_keys_are_refused(keys: dict[bytes, bytes]) -> None:
    with pytest.raises(Unsafe, match="TERTULIA_KEYS"):
        Vault(keys)
