"""Tokens of the API from the command line."""

from __future__ import annotations

from typing import Any


def test_a_token_is_made_listed_and_revoked(home: Any) -> None:
    make = ("tokens", "create", "reports", "--for", "ana@example.org", "--scope", "read:rounds")
    assert "owner or admin" in home(*make).sentence
    assert home("people", "roles", "grant", "admin", "ana@example.org").code == 0
    assert "no scope" in home(*make, "--scope", "read:answers").sentence
    assert "for owners" in home(*make, "--scope", "read:audit").sentence
    assert "400 days" in home(*make, "--days", "400").sentence
    text = home(*make, "--scope", "read:program", "--days", "7").out.strip()
    assert text.startswith("tertulia_")
    assert len(text) == 67
    [[token, name, maker, state, _, used, scopes]] = home("tokens", "list").rows
    assert (name, maker, state, used, scopes) == ("reports", "Ana", "works", "never", "read:program read:rounds")
    assert "names no tokens" in home("tokens", "revoke", "x").sentence
    for _ in range(2):
        assert home("tokens", "revoke", token[:8]).out == "The token reports opens nothing any more.\n"
    assert [row[3] for row in home("tokens", "list").rows] == ["revoked"]
