"""The stand-in itself: started by the sandbox, its page shows a board and acts as a member."""

from __future__ import annotations

import re

import aiohttp
import pytest

import tertulia_trello
from tertulia.testing.context import FakeContext
from tertulia_trello.config import Settings
from tertulia_trello.stand_in import StandIn


@pytest.fixture
def sandbox() -> StandIn:
    (stand_in,) = tertulia_trello.register_sandbox()
    assert isinstance(stand_in, StandIn)
    return stand_in


async def test_the_sandbox_gets_settings_that_work(sandbox: StandIn) -> None:
    settings = Settings.model_validate(await sandbox.start())
    try:
        async with FakeContext(settings=settings, plugin="trello", origin="http://127.0.0.1:9") as context:
            (platform,) = tertulia_trello.register_platforms(context)
            assert platform.directory is not None
            found = [member async for batch in platform.directory.members(None) for member in batch.items]
            assert {member.name for member in found} == {"Ada Invented", "Ben Invented", "Carla Invented"}
    finally:
        await sandbox.stop()
        await sandbox.stop()


async def test_a_member_acts_on_the_page(sandbox: StandIn) -> None:
    await sandbox.start()
    server = sandbox.server
    assert server is not None
    try:
        town = server.town
        board = next(iter(town.boards))
        card = next(key for key, one in town.cards.items() if one["name"] == "Ask the printers")
        item = town.item(town.checklist(card, "Tick")["id"], "Called <them>")
        async with aiohttp.ClientSession(server.url) as browser:
            async with browser.get("/") as start:
                assert f"/board/{board}" in await start.text()
            me = town.board_members[board][1]
            for what, target in (("comment", card), ("tick", item["id"]), ("vote", card)):
                form = {"as": me, "what": what, "target": target, "text": "<script>alert(1)</script> **loud** @x"}
                async with browser.post(f"/board/{board}", data=form) as page:
                    shown = await page.text()
            assert "<script" not in shown
            assert "<strong>loud</strong>" in shown
            assert "Called &lt;them&gt;" in shown
            assert 'aria-pressed="true"' in shown
            assert "Vote (1)" in shown
            assert 'lang="en"' in shown
            assert len(re.findall("<textarea", shown)) == len(re.findall("<label>Comment", shown))
            comment = next(one["id"] for one in town.card_actions(card) if one["type"] == "commentCard")
            for what, target in (("react", comment), ("attach", card)):
                async with browser.post(f"/board/{board}", data={"as": me, "what": what, "target": target}) as page:
                    assert "Reactions: ❤️ heart" in await page.text()
            assert [one["type"] for one in town.card_actions(card)][-1] == "addAttachmentToCard"
            async with browser.post(f"/board/{board}", data={"as": me, "what": "archive", "target": card}) as page:
                assert "1 archived" in await page.text()
            for form, status in (({"as": "x"}, 400), ({"as": me, "what": "fly"}, 400)):
                async with browser.post(f"/board/{board}", data=form) as page:
                    assert page.status == status
            async with browser.post(f"/board/{board}", data={"as": me, "what": "vote", "target": "x"}) as page:
                assert page.status == 404
            async with browser.get("/board/nowhere") as page:
                assert page.status == 404
    finally:
        await sandbox.stop()


async def test_more_than_a_hundred_calls_in_ten_seconds_are_too_many(sandbox: StandIn) -> None:
    await sandbox.start()
    server = sandbox.server
    assert server is not None
    server.enforce = True
    headers = {"authorization": f'OAuth oauth_consumer_key="{server.key}", oauth_token="{server.token}"'}
    try:
        async with aiohttp.ClientSession(headers=headers) as client:
            statuses = []
            for _ in range(103):
                async with client.get(f"{server.url}/1/members/me") as answer:
                    statuses.append(answer.status)
                    assert "retry-after" not in answer.headers
        assert statuses == [200] * 100 + [429] * 3
        assert server.violations == 3
    finally:
        await sandbox.stop()
