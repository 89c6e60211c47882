"""The app package: valid against Microsoft's schema, with icons of the right size, and asking for little."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tertulia_teams.config import Settings
from tertulia_teams.manifest import PERMISSIONS, App, manifest, package
from tertulia_teams.stand_in.server import APP, SECRET, TENANT

SETTINGS = Settings.model_validate({"app_id": APP, "app_secret": SECRET, "tenant_id": TENANT})
APP_PAGES = App(privacy_url="https://example.org/privacy", terms_url="https://example.org/terms")
URL = "https://tertulia.example.org/plugins/teams/0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("read_channels", [False, True])
def test_the_manifest_fits_microsofts_schema(contract: Callable[[str], Any], read_channels: bool) -> None:
    schema = contract("teams/v1.29-MicrosoftTeams.schema.json")
    written = manifest(SETTINGS, URL, replace(APP_PAGES, read_channels=read_channels))
    assert [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(written)] == []
    assert jsonschema.Draft4Validator(schema).is_valid({**written, "accentColour": "blue"}) is False


def test_it_asks_for_no_more_than_it_explains() -> None:
    written = manifest(SETTINGS, URL, APP_PAGES)
    asked = written["authorization"]["permissions"]["resourceSpecific"]
    assert {one["name"] for one in asked} == set(PERMISSIONS)
    assert written["validDomains"] == ["tertulia.example.org"]
    shared = written["bots"][0]["commandLists"][1]["commands"]
    assert not {"my data", "candle"} & {one["title"] for one in shared}
    assert SECRET not in json.dumps(written)


def test_the_package_holds_icons_of_the_right_size() -> None:
    raw = package(SETTINGS, URL, APP_PAGES)
    assert raw == package(SETTINGS, URL, APP_PAGES)
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        assert sorted(file.namelist()) == ["color.png", "manifest.json", "outline.png"]
        assert json.loads(file.read("manifest.json"))["id"] == APP
        for name, size in (("color.png", 192), ("outline.png", 32)):
            picture = file.read(name)
            assert picture.startswith(b"\x89PNG\r\n\x1a\n")
            assert int.from_bytes(picture[16:20], "big") == int.from_bytes(picture[20:24], "big") == size
