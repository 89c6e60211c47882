from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError

import tertulia_trello
from tertulia_trello.config import HOSTS, Settings

GOOD: dict[str, Any] = {
    "api_key": "0123456789abcdef" * 2,
    "api_secret": "fedcba9876543210" * 4,
    "token": "ATTA" + "0123456789abcdef" * 4,
    "workspace_id": "0123456789abcdef01234567",
}


def test_it_is_found() -> None:
    (entry,) = entry_points(group="tertulia", name="trello")
    assert entry.load() is tertulia_trello
    assert tertulia_trello.register_settings() is Settings


def test_good_settings_are_taken() -> None:
    settings = Settings.model_validate(GOOD)
    assert settings.allowed_hosts == list(HOSTS)
    assert settings.boards == []
    assert not any(GOOD[name] in repr(settings) for name in ("api_key", "api_secret", "token"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"api_key": "short"}, "api_key"),
        ({"api_secret": ""}, "api_secret"),
        ({"token": "ATTA"}, "token"),
        ({"workspace_id": "my-workspace"}, "workspace_id"),
        ({"boards": ["Social"]}, "boards"),
        ({"allowed_hosts": []}, "allowed_hosts"),
        ({"allowed_hosts": ["user@api.trello.com"]}, "host name"),
        ({"key": "x"}, "key"),
        ({"oauth_client_id": "half"}, "belong together"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**GOOD, **change})
