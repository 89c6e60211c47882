"""A link for whoever sits before the service: for owners and admins, good once, and audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_the_owner_gets_a_link_and_nobody_else_does(home: Run) -> None:
    assert "has 0 owners" in home("console").sentence
    assert "neither owns nor administers" in home("console", "ben@example.org").sentence
    assert home("people", "roles", "grant", "owner", "ana@example.org").code == 0
    made = home("console")
    assert made.code == 0
    assert "/sign-in/" in made.out
    assert "/workspaces/" in made.sentence
    assert home("console", "ana@example.org").out != made.out
    assert home("people", "roles", "grant", "admin", "ben@example.org").code == 0
    assert home("console", "ben@example.org").code == 0
    assert home("audit", "verify").code == 0
