"""What the doctor says of a good installation, and of each thing that can be wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tertulia_zoom.doctor import examine
from tertulia_zoom.stand_in import faults


async def wrong(context: Any) -> dict[str, str]:
    return {one.subject: one.cure async for one in examine(context) if one.cure is not None}


async def test_a_good_installation_has_nothing_wrong(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as village:
        findings = [one async for one in examine(village.live.context)]
        assert [one.subject for one in findings if one.cure is None] == [
            *("server-to-server app", "scope for users", "scope for meetings"),
            *("scope for past meetings", "scope for reports", "general app", "address for events"),
        ]


SERVER = {"account_id": "AbCdEfGhIjKlMnOpQr", "client_id": "client_id_of_s2s", "client_secret": "x" * 20}
APP = {"client_id": "client_id_of_app", "client_secret": "y" * 20}


@pytest.mark.parametrize(
    ("change", "subject", "word"),
    [
        ({"server": SERVER}, "server-to-server app", r"server.client_secret"),
        ({"app": APP}, "general app", r"app.client_secret"),
        ({"scheduler": "nobody-at-all"}, "scheduling user", "licensed user"),
    ],
)
async def test_wrong_settings_are_named(open_bench: Any, change: Any, subject: str, word: str) -> None:
    async with open_bench(**change) as bench:
        found = await wrong(bench.context)
        assert word in found[subject]
        assert "nobody answers" in found["address for events"]


async def test_the_page_after_consent(open_village: Any, tmp_path: Path) -> None:
    async with (
        open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as village,
        aiohttp.ClientSession() as browser,
    ):
        url = village.live.context.public_url + "/installed"
        for query, status in (("?code=abc", 200), ("", 200), ("?error=access_denied", 400)):
            async with browser.get(url + query) as page:
                assert page.status == status
                assert "content-security-policy" in page.headers
                assert "abc" not in await page.text()


async def test_a_scope_that_is_missing_is_named(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.choose = lambda method, path: faults.no_scope() if path.startswith("/report") else None
        assert "scopes" in (await wrong(bench.context))["scope for reports"]
        bench.server.choose = lambda method, path: faults.not_on_plan() if path.startswith("/report") else None
        assert "plan should be free" in (await wrong(bench.context))["scope for reports"]


async def test_a_basic_user_cannot_schedule_polls(open_bench: Any) -> None:
    async with open_bench(scheduler="x" * 8) as bench:
        basic = bench.town.add_user("Basic Person", "basic@example.org", kind=1)
        settings = bench.context.settings.model_copy(update={"scheduler": basic})
        bench.context.settings = bench.desk.settings = settings
        assert "basic user" in (await wrong(bench.context))["scheduling user"]
