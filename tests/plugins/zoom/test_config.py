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
APP: dict[str, Any] = {
    "client_id": "client_id_of_app",
    "client_secret": "another-secret-of-length",
    "robot_jid": "v1abcdef@xmpp.zoom.us",
}
GOOD: dict[str, Any] = {"server": SERVER, "app": APP, "webhook_secret": "signs-the-events"}


def test_it_is_found() -> None:
    (entry,) = entry_points(group="tertulia", name="zoom")
    assert entry.load() is tertulia_zoom
    assert tertulia_zoom.register_settings() is Settings


def test_good_settings_are_taken() -> None:
    settings = Settings.model_validate(GOOD)
    assert settings.allowed_hosts == list(HOSTS)
    assert settings.plan == "pro"
    assert not any(secret in repr(settings) for secret in ("some-length", "of-length", "signs"))
    assert Settings.model_validate({**GOOD, "app": None}).app is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"server": {**SERVER, "account_id": "a b"}}, "account_id"),
        ({"server": {**SERVER, "client_secret": "short"}}, "client_secret"),
        ({"server": {"client_id": "client_id_of_s2s"}}, "account_id"),
        ({"app": {**APP, "robot_jid": "v1abcdef"}}, "bot JID"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"plan": "gold"}, "plan"),
        ({"allowed_hosts": []}, "allowed_hosts"),
        ({"allowed_hosts": ["api.zoom.us/v2"]}, "host name"),
        ({"verification_token": "x"}, "verification_token"),
        ({"stand_in": "https://zoom.example"}, "stand_in"),
        ({"stand_in": "http://127.0.0.1:80/x"}, "stand_in"),
        ({"scheduler": "../me"}, "scheduler"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**GOOD, **change})


def test_a_stand_in_takes_the_place_of_every_host() -> None:
    settings = Settings.model_validate({**GOOD, "stand_in": "http://127.0.0.1:8500"})
    here = settings.endpoints
    assert all(url.startswith("http://127.0.0.1:8500") for url in (here.api, here.token, here.sdk, *here.frames))
    assert Settings.model_validate(GOOD).endpoints.api == "https://api.zoom.us/v2"


def test_every_token_that_may_sign_is_known() -> None:
    settings = Settings.model_validate({**GOOD, "other_webhook_secrets": ["the-former-one"]})
    assert settings.webhook_secrets == ("signs-the-events", "the-former-one")
