"""Settings are refused with a sentence that names what is allowed, and never with their values."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tertulia.errors import Mistake, PluginError
from tertulia.services.settings import MASK, allowed_hosts, masked, plain, unmasked, validated


class Account(BaseModel):
    """Hold a nested secret."""

    key: SecretStr


class Settings(BaseModel):
    """Hold one setting of every sort."""

    model_config = ConfigDict(extra="forbid")
    client: str
    secret: SecretStr = Field(min_length=8)
    mode: Literal["chat", "channel"] = "chat"
    retries: int = Field(default=3, ge=0, le=9)
    accounts: list[Account] = []
    allowed_hosts: list[str] = ["api.example.org"]

    @field_validator("client")
    @classmethod
    def _lower(cls, value: str) -> str:
        if value != value.lower():
            raise ValueError("write it in lower case")
        return value


GOOD = {"client": "c", "secret": "correct horse"}


def sentence(**changes: Any) -> str:
    """Return what is said of settings that are wrong."""
    with pytest.raises(Mistake) as caught:
        validated("example", Settings, GOOD | changes)
    return str(caught.value)


def test_every_setting_at_fault_is_named_with_what_is_allowed() -> None:
    message = sentence(mode="letter", retries=12, secrit="hunter2hunter2", client="C")
    assert message.startswith("Plugin example refuses its settings: ")
    assert "mode should be 'chat' or 'channel'" in message
    assert "retries should be less than or equal to 9" in message
    assert "secrit is not a setting (allowed: accounts, allowed_hosts, client, mode, retries, secret)" in message
    assert "client: write it in lower case" in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_a_missing_setting_and_a_wrong_secret_show_no_value() -> None:
    with pytest.raises(Mistake, match="client is missing") as caught:
        validated("example", Settings, {"secret": "tiny"})
    assert "tiny" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_nested_setting_is_named_by_its_path() -> None:
    assert "accounts.0.key is missing" in sentence(accounts=[{}])


def test_hosts_are_checked_with_the_settings() -> None:
    assert "allowed_hosts: '*.example.org' is not the name of one host" in sentence(allowed_hosts=["*.example.org"])
    assert allowed_hosts("example", validated("example", Settings, GOOD)) == ("api.example.org",)


def test_what_is_no_json_is_a_mistake() -> None:
    assert "must be JSON" in sentence(client=object())


def test_a_validator_that_breaks_is_the_plugin_s_fault() -> None:
    class Broken(BaseModel):
        @field_validator("*", mode="before")
        @classmethod
        def fail(cls, value: object) -> object:
            raise KeyError("hunter2")

        client: str

    with pytest.raises(PluginError, match="KeyError in fail") as caught:
        validated("example", Broken, {"client": "c"})
    assert "hunter2" not in str(caught.value)


def test_secrets_are_unwrapped_for_sealing_and_masked_for_showing() -> None:
    given = plain({"client": "c", "secret": SecretStr("correct horse"), "accounts": [{"key": SecretStr("k")}]})
    assert given == {"client": "c", "secret": "correct horse", "accounts": [{"key": "k"}]}
    shown = masked(Settings, given)
    assert shown["secret"] == MASK
    assert shown["accounts"] == [{"key": MASK}]
    assert shown["retries"] == 3


@pytest.mark.parametrize("model", [None, Account])
def test_everything_is_masked_where_the_model_is_of_no_help(model: type[BaseModel] | None) -> None:
    assert masked(model, GOOD) == {"client": MASK, "secret": MASK}


def test_a_mask_that_comes_back_keeps_the_secret() -> None:
    kept = {"secret": "s", "accounts": [{"key": "one"}, {"key": "two"}]}
    given = {"secret": MASK, "accounts": [{"key": MASK}, {"key": "new"}]}
    assert unmasked(given, kept) == {"secret": "s", "accounts": [{"key": "one"}, {"key": "new"}]}
    with pytest.raises(Mistake, match="no secret is kept"):
        unmasked({"accounts": [{"key": MASK}]}, {"secret": "s"})
