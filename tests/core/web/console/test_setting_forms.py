"""Forms made from a plugin's settings: what is shown, and what comes back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tertulia.errors import Mistake
from tertulia.services.settings import MASK, masked, unmasked
from tertulia.web.console import setting_forms
from tertulia.web.console.setting_forms import Setting


class Server(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: str = Field(title="Account", description="Its id.")
    secret: SecretStr


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    server: Server = Field(title="Server")
    extra: Server | None = Field(default=None, title="Second server")
    token: SecretStr | None = None
    others: list[SecretStr] = Field(default_factory=list)
    kind: Literal["red", "blue"] = "red"
    rate: int = Field(default=5, gt=0, title="Rate", description="Calls a second.")
    share: float | None = None
    install: bool = True
    boards: list[str] = Field(default_factory=list)
    tree: dict[str, int] = Field(default_factory=dict)


KNOWN: dict[str, Any] = {"server": {"account": "one", "secret": "hush"}, "token": "quiet", "boards": ["a", "b"]}


def shown(known: dict[str, Any]) -> dict[str, Setting]:
    return {one.name: one for one in setting_forms.controls(Settings, masked(Settings, known))}


def typed(known: dict[str, Any], **changes: str) -> dict[str, str]:
    """Return what a browser sends from the form as it is shown, with some fields changed."""
    form = {one.name: one.value for one in shown(known).values() if one.value or one.kind not in ("confirm", "table")}
    return {**form, **changes}


def read(known: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
    """Return the settings that would be kept."""
    given = setting_forms.given(Settings, form, masked(Settings, known))
    return {name: value for name, value in unmasked(given, known).items() if value is not None}


def test_each_setting_has_a_control_and_no_secret_is_in_it() -> None:
    found = shown(KNOWN)
    kinds = {name: one.kind for name, one in found.items()}
    assert kinds == {
        "server": "table",
        "server.account": "text",
        "server.secret": "secret",
        "extra": "confirm",
        "extra.account": "text",
        "extra.secret": "secret",
        "token": "secret",
        "others": "json",
        "kind": "choice",
        "rate": "whole",
        "share": "number",
        "install": "confirm",
        "boards": "lines",
        "tree": "json",
    }
    assert found["server.account"].label == "Account"
    assert found["server.account"].hint == "Its id."
    assert found["rate"].value == "5"
    assert found["boards"].value == "a\nb"
    assert {name for name, one in found.items() if one.kept} == {"server.secret", "token"}
    assert not [one for one in found.values() if "hush" in one.value or "quiet" in one.value or MASK in one.value]
    assert {name for name, one in found.items() if one.required and one.kind != "table"} == {
        "server.account",
        "server.secret",
        "extra.account",
        "extra.secret",
    }


def test_a_form_sent_back_unchanged_changes_nothing() -> None:
    again = read(KNOWN, typed(KNOWN))
    assert Settings.model_validate(again) == Settings.model_validate(KNOWN)
    assert again["server"] == KNOWN["server"]


def test_secrets_are_replaced_and_removed() -> None:
    assert read(KNOWN, typed(KNOWN, **{"server.secret": "new"}))["server"]["secret"] == "new"
    assert "token" not in read(KNOWN, typed(KNOWN, **{"token.remove": "yes"}))


def test_a_table_that_may_be_missing_is_used_where_its_box_is_ticked() -> None:
    second = {"extra": "yes", "extra.account": "two", "extra.secret": "s"}
    used = read(KNOWN, typed(KNOWN, **second))
    assert used["extra"] == {"account": "two", "secret": "s"}
    assert "extra" not in read(KNOWN, {**typed(KNOWN, **second), "extra": ""})
    kept = {**KNOWN, "extra": used["extra"]}
    assert shown(kept)["extra"].value == "yes"
    assert read(kept, typed(kept))["extra"] == used["extra"]


@pytest.mark.parametrize(("name", "text", "word"), [("rate", "much", "a number"), ("tree", "{", "JSON")])
def test_what_cannot_be_read_is_told(name: str, text: str, word: str) -> None:
    with pytest.raises(Mistake, match=f"{name} must be {word}"):
        read(KNOWN, typed(KNOWN, **{name: text}))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(shown(KNOWN))), st.text(max_size=30)))
def test_whatever_is_sent_is_read_or_told(form: dict[str, str]) -> None:
    with suppress(Mistake):
        read(KNOWN, form)


def test_json_that_is_nested_too_deeply_is_a_mistake_as_any_other() -> None:
    with pytest.raises(Mistake, match="must be JSON"):
        setting_forms.given(Settings, typed(KNOWN, tree="[" * 20_000), masked(Settings, KNOWN))
