"""The doctor says what keeps people from signing in with Entra."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tertulia.config import Config
from tertulia.entra_settings import EntraSettings
from tertulia.services.entra import checks
from tertulia.testing.entra import EntraAccount, StandInEntra

TENANT, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
CLIENT, SECRET = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "a-secret-of-the-application"


@asynccontextmanager
async def stand_in(folder: Path, tenants: Mapping[str, str]) -> AsyncIterator[tuple[StandInEntra, EntraSettings]]:
    async def accounts(tenant: str) -> list[EntraAccount]:
        return []

    entra = StandInEntra(accounts, tenants=list(tenants), client_id=CLIENT, client_secret=SECRET, redirect="none")
    path = folder / "entra-secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    url = await entra.start()
    try:
        yield entra, EntraSettings(client_id=CLIENT, secret_file=path, tenants=tenants, authority=url)
    finally:
        await entra.stop()


async def told(settings: EntraSettings) -> list[tuple[str, str]]:
    config = Config.from_environment({"TERTULIA_MODE": "sandbox"})
    return [one async for one in checks.of_provider(config, settings)]


async def test_each_thing_that_is_wrong_is_named_with_its_cure(tmp_path: Path) -> None:
    async with stand_in(tmp_path, {TENANT: "", OTHER: ""}) as (entra, settings):
        assert await told(settings) == [
            ("ok", f"Entra's signing keys are read at {entra.url}."),
            ("ok", "Entra accepts the application's id and secret."),
        ]
        settings.secret_file.write_text("an-older-secret-of-it")
        level, text = (await told(settings))[1]
        assert level == "fault"
        assert "(invalid_client); make a new client secret" in text
        settings.secret_file.chmod(0o644)
        ((level, text),) = await told(settings)
        assert level == "fault"
        assert "chmod 600" in text
        settings.secret_file.chmod(0o600)
        await entra.stop()
        keys, ours = await told(settings)
        assert keys[0] == ours[0] == "fault"
        assert "let the service reach it over https" in keys[1]
        assert "try again in a minute" in ours[1]
