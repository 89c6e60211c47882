"""The settings of signing in with Entra: half of them, or unsafe ones, start nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tertulia import entra_settings
from tertulia.cli import main
from tertulia.config import SETTINGS, Config
from tertulia.entra_settings import AUTHORITY, CLIENT, CONSUMERS, SECRET, TENANTS
from tertulia.errors import Mistake, Unsafe
from tertulia.storage import keys

TENANT, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
GUID = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
PRODUCTION = {"TERTULIA_PUBLIC_URL": "https://people.example.org"}
WHOLE = {**PRODUCTION, CLIENT: GUID, SECRET: "/srv/entra-secret", TENANTS: TENANT}
SANDBOX = {**WHOLE, "TERTULIA_MODE": "sandbox", "TERTULIA_PUBLIC_URL": "http://127.0.0.1:8080"}

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no secret": ({**WHOLE, SECRET: ""}, f"{SECRET} is not set"),
    "no tenants": ({**WHOLE, TENANTS: ""}, f"{TENANTS} is not set"),
    "no client": ({**WHOLE, CLIENT: ""}, f"{CLIENT} is not set"),
    "an authority alone": ({**PRODUCTION, AUTHORITY: "https://login.microsoftonline.us"}, f"{CLIENT} is not set"),
    "a client that is no GUID": ({**WHOLE, CLIENT: "tertulia"}, f"{CLIENT} is no GUID"),
    "everybody's tenant": ({**WHOLE, TENANTS: "common"}, "'common', which is no directory"),
    "any organization's tenant": ({**WHOLE, TENANTS: f"{TENANT},organizations"}, "no directory (tenant) id"),
    "a wild card": ({**WHOLE, TENANTS: "*"}, "no directory (tenant) id"),
    "a domain": ({**WHOLE, TENANTS: "example.org"}, "no directory (tenant) id"),
    "the tenant of personal accounts": ({**WHOLE, TENANTS: CONSUMERS.upper()}, "personal accounts"),
    "commas only": ({**WHOLE, TENANTS: ", ,"}, "names no tenant"),
    "a tenant twice": ({**WHOLE, TENANTS: f"{TENANT}=A, {TENANT.upper()}=B"}, "twice"),
    "a tenant of no organization": ({**WHOLE, TENANTS: f"{TENANT}="}, "no organization after"),
    "an organization for some": ({**WHOLE, TENANTS: f"{TENANT}=Acme, {OTHER}"}, "for some tenants only"),
    "an authority of somebody": ({**WHOLE, AUTHORITY: "https://login.evil.example"}, AUTHORITY),
    "an authority in the clear": ({**WHOLE, AUTHORITY: "http://login.microsoftonline.com"}, AUTHORITY),
    "a stand-in in production": ({**WHOLE, AUTHORITY: "http://127.0.0.1:9000"}, AUTHORITY),
    "the real Entra in the sandbox": (SANDBOX, "stand-in on this machine only"),
    "another host in the sandbox": ({**SANDBOX, AUTHORITY: "http://10.0.0.1:9000"}, "stand-in on this machine only"),
    "a broken address in the sandbox": ({**SANDBOX, AUTHORITY: "http://[x"}, "stand-in on this machine only"),
    "a production without https": ({**WHOLE, "TERTULIA_PUBLIC_URL": "http://people.example.org"}, "use https"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_half_or_unsafe_is_refused(name: str) -> None:
    environment, said = WRONG[name]
    with pytest.raises((Mistake, Unsafe)) as refusal:
        Config.from_environment(environment)
    sentence = str(refusal.value)
    assert said in sentence
    assert "TERTULIA_" in sentence
    assert ";" in sentence  # what is wrong; what to do


def test_what_is_set_is_read() -> None:
    assert Config.from_environment(PRODUCTION).entra is None
    found = Config.from_environment({**WHOLE, TENANTS: f" {TENANT.upper()} = Acme , {OTHER}=Zenith"}).entra
    assert found is not None
    assert (found.client_id, found.audience) == (GUID.lower(), "organizations")
    assert found.tenants == {TENANT: "Acme", OTHER: "Zenith"}
    assert found.issuer(TENANT) == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    government = Config.from_environment({**WHOLE, AUTHORITY: "https://login.microsoftonline.us/"}).entra
    assert government is not None
    assert (government.authority, government.audience) == ("https://login.microsoftonline.us", TENANT)
    stand_in = Config.from_environment({**SANDBOX, AUTHORITY: "http://127.0.0.1:9000"}).entra
    assert stand_in is not None
    assert stand_in.authority == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"a-secret-of-the-application", 0o644, "chmod 600"),
        (b"", 0o600, "holds no client secret"),
        (b"short", 0o600, "holds no client secret"),
        (b"two lines\nof a secret", 0o600, "holds no client secret"),
        (b"\xff" * 40, 0o600, "holds no client secret"),
        (b"x" * 5000, 0o600, "holds no client secret"),
        (b"11111111-2222-3333-4444-555555555555\n", 0o600, "the id of a secret"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_service_without_its_secret_does_not_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    mode: int,
    said: str,
) -> None:
    for name in [name for name in os.environ if name in SETTINGS]:
        monkeypatch.delenv(name)
    path = tmp_path / "entra-secret"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    keys.new_keys(tmp_path / "keys")
    given = {**WHOLE, "TERTULIA_DATA": str(tmp_path), SECRET: str(path)}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["people", "organizations"]) == 3
    told = capsys.readouterr().err
    assert said in told
    assert SECRET in told
    assert "of-the-application" not in told


def test_a_secret_s_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    found = Config.from_environment({**WHOLE, SECRET: str(tmp_path / "s")}).entra
    assert found is not None
    (tmp_path / "s").write_text("a-secret-of-the-application\n")
    (tmp_path / "s").chmod(0o600)
    assert entra_settings.secret(found) == "a-secret-of-the-application"
