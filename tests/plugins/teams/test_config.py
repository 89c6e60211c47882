from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError

import tertulia_teams
from tertulia_teams.config import HOSTS, Settings

GOOD: dict[str, Any] = {
    "app_id": "8D2F0C8E-2F7A-4F0E-9F57-0D0C3A1B2C3D",
    "app_secret": "a-secret-of-some-length",
    "tenant_id": "11111111-2222-3333-4444-555555555555",
}


def test_it_is_found() -> None:
    (entry,) = entry_points(group="tertulia", name="teams")
    assert entry.load() is tertulia_teams
    assert tertulia_teams.register_settings() is Settings


def test_good_settings_are_taken() -> None:
    settings = Settings.model_validate(GOOD)
    assert settings.app_id == GOOD["app_id"].lower()
    assert settings.allowed_hosts == list(HOSTS["public"])
    assert GOOD["app_secret"] not in repr(settings)


@pytest.mark.parametrize("cloud", HOSTS)
def test_the_cloud_chooses_the_hosts(cloud: str) -> None:
    assert tuple(Settings.model_validate({**GOOD, "cloud": cloud}).allowed_hosts) == HOSTS[cloud]  # type: ignore[index]


def test_hosts_can_be_named() -> None:
    settings = Settings.model_validate({**GOOD, "allowed_hosts": ["Graph.Microsoft.com."]})
    assert settings.allowed_hosts == ["graph.microsoft.com"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"app_id": "my-bot"}, "GUID"),
        ({"app_id": ""}, "GUID"),
        ({"tenant_id": "contoso.example"}, "GUID"),
        ({"tenant_id": GOOD["app_id"]}, "the same"),
        ({"app_secret": ""}, "app_secret"),
        ({"cloud": "moon"}, "cloud"),
        ({"app_type": "managed"}, "app_type"),
        ({"allowed_hosts": ["https://graph.microsoft.com"]}, "host name"),
        ({"allowed_hosts": ["*.microsoft.com"]}, "host name"),
        ({"app_password": "x"}, "app_password"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**GOOD, **change})
