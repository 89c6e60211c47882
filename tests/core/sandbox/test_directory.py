"""In the sandbox one signs in with Entra as whoever a platform's directory knows."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.domain.people import Actor
from tertulia.sandbox import directory
from tertulia.services import identities, people
from tertulia.services.entra.provider import Provider
from tertulia.storage import keys
from tertulia.testing.databases import prepare

TENANT = "11111111-2222-3333-4444-555555555555"
USER = "0a0a0a0a-0000-4000-8000-000000000001"


async def test_whoever_a_directory_knows_signs_in(tmp_path: Path) -> None:
    config = Config.from_environment({"TERTULIA_MODE": "sandbox", "TERTULIA_DATA": str(tmp_path)})
    keys.new_keys(config.keys_file)
    await prepare(config.database_url)
    runtime = await bootstrap.build(config)
    try:
        assert await directory.open_entra(runtime, {"mail": {}, "other": {"tenant_id": "acme"}}) is None
        assert runtime.config.entra is None
        entra = await directory.open_entra(runtime, {"mail": {}, "chat": {"tenant_id": TENANT.upper()}})
        assert entra is not None
        settings = runtime.config.entra
        assert settings is not None
        provider = Provider(settings, sandbox=True)
        try:
            async with runtime.database.write() as tx:
                home = await people.create_organization(runtime, tx, name="The Hub", actor="test")
                given = {"name": "Ana <b>", "email": "ana@hub.example"}
                ana = await people.add_person(runtime, tx, home, given, actor="test")
                for user in (USER, "not-of-entra"):
                    known = await identities.resolve(
                        runtime, tx, home, Actor(platform="chat", realm=TENANT, user=user)
                    )
                    await identities.link(runtime, tx, home, known.id, ana, "directory_id", actor="directory")
            begun = await provider.begin(entra.redirect)
            async with aiohttp.ClientSession() as browser:
                async with browser.get(begun.url) as answer:
                    page = await answer.text()
                assert page.count("Ana &lt;b&gt;") == 1
                async with browser.post(begun.url, data={"account": USER}, allow_redirects=False) as answer:
                    back = urlsplit(answer.headers["Location"])
            account = await provider.finish(begun.flow, parse_qs(back.query)["code"][0])
            assert (account.tenant, account.user) == (TENANT, USER)
        finally:
            await provider.close()
            await entra.stop()
    finally:
        await bootstrap.close(runtime)
