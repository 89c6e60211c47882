from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError

import tertulia_zoom
from tertulia_zoom.config import HOSTS, Settings

SERVER: dict[str, Any] = {
    "account_id": "AbCdEfGhIjKlMnOpQr",
    "client_id": "client_id_of_s2s",
    "client_secret": "a-secret-of-some-length",
}
CHAT: dict[str, Any] = {
    "client_id": "client_id_of_chat",
    "client_secret": "another-secret-of-length",
    "robot_jid": "v1abcdef@xmpp.zoom.us",
}
GOOD: dict[str, Any] = {"server": SERVER, "chat": CHAT, "webhook_secret": "signs-the-events"}


def test_it_is_found() -> None:
    (entry,) = entry_points(group="tertulia", name="zoom")
    assert entry.load() is tertulia_zoom
    assert tertulia_zoom.register_settings() is Settings


def test_good_settings_are_taken() -> None:
    settings = Settings.model_validate(GOOD)
    assert settings.allowed_hosts == list(HOSTS)
    assert settings.plan == "pro"
    assert not any(secret in repr(settings) for secret in ("some-length", "of-length", "signs"))
    assert Settings.model_validate({**GOOD, "chat": None}).chat is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"server": {**SERVER, "account_id": "a b"}}, "account_id"),
        ({"server": {**SERVER, "client_secret": "short"}}, "client_secret"),
        ({"server": {"client_id": "client_id_of_s2s"}}, "account_id"),
        ({"chat": {**CHAT, "robot_jid": "v1abcdef"}}, "bot JID"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"plan": "gold"}, "plan"),
        ({"allowed_hosts": []}, "allowed_hosts"),
        ({"allowed_hosts": ["api.zoom.us/v2"]}, "host name"),
        ({"verification_token": "x"}, "verification_token"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**GOOD, **change})
