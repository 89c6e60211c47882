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
    assert tuple(Settings.model_validate({**GOOD, "cloud": cloud}).allowed_hosts) == HOSTS[cloud]


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
        ({"app_secret": None}, "app_secret must be set"),
        ({"app_type": "managed-identity"}, "which has none"),
        ({"rate": 0}, "rate"),
        ({"timeout": 60}, "timeout"),
        ({"stand_in": "https://127.0.0.1:8500"}, "this machine"),
        ({"stand_in": "http://example.org:8500"}, "this machine"),
        ({"stand_in": "http://127.0.0.1:8500/"}, "this machine"),
        ({"stand_in": "http://127.0.0.1"}, "this machine"),
        ({"stand_in": "http://user@127.0.0.1:8500"}, "this machine"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**GOOD, **change})


def test_a_managed_identity_has_no_secret() -> None:
    settings = Settings.model_validate({**GOOD, "app_type": "managed-identity", "app_secret": None})
    assert settings.app_secret is None


@pytest.mark.parametrize(
    ("service_url", "trusted"),
    [
        ("https://smba.trafficmanager.net/teams/", True),
        ("https://smba.trafficmanager.net/emea/", True),
        ("https://connector.example.org/teams/", False),
        ("http://smba.trafficmanager.net/teams/", False),
        ("https://smba.trafficmanager.net/teams/?next=https://evil.example", False),
        ("https://smba.trafficmanager.net/../x", False),
        ("https://smba.trafficmanager.net:444/teams/", False),
        ("https://graph.microsoft.com/", False),
        ("", False),
    ],
)
def test_only_the_clouds_connectors_are_trusted(service_url: str, trusted: bool) -> None:
    assert Settings.model_validate(GOOD).endpoints.trusts(service_url) is trusted


def test_an_added_host_may_be_a_connector() -> None:
    hosts = [*HOSTS["public"], "connector.example.org"]
    endpoints = Settings.model_validate({**GOOD, "allowed_hosts": hosts}).endpoints
    assert endpoints.trusts("https://connector.example.org/teams/")
    assert not endpoints.trusts("https://graph.microsoft.com/")


def test_a_stand_in_takes_the_place_of_all_hosts() -> None:
    endpoints = Settings.model_validate({**GOOD, "stand_in": "http://127.0.0.1:8500"}).endpoints
    for url in (endpoints.login, endpoints.metadata, endpoints.graph, endpoints.service_url):
        assert url is not None
        assert url.startswith("http://127.0.0.1:8500/")
    assert endpoints.trusts("http://127.0.0.1:8500/connector/")
    assert not endpoints.trusts("https://smba.trafficmanager.net/teams/")
    assert not endpoints.trusts("http://127.0.0.1:8501/connector/")
    assert endpoints.issuer == "https://api.botframework.com"
