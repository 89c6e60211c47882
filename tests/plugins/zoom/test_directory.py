"""Who has an account: pages, zones, languages, who was deactivated, and e-mails from the API only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tertulia import Member, RetryLater
from tertulia.storage import tables
from tertulia_zoom.stand_in import faults


async def members(bench: Any) -> list[Member]:
    return [member async for batch in bench.platform.directory.members(None) for member in batch.items]


async def test_every_active_user_is_listed_with_what_zoom_says(open_bench: Any) -> None:
    async with open_bench() as bench:
        for number in range(650):
            bench.town.add_user(f"Person {number}", f"p{number}@example.org", zone="Asia/Tokyo", kind=1)
        found = await members(bench)
        assert len({one.actor.user for one in found}) == 653
        ana, last = found[0], found[-1]
        assert (ana.name, ana.email, ana.zone) == ("Ana Sousa", "ana@example.org", "Europe/Lisbon")
        assert ana.language == "en-US"
        assert ana.address == {"user": ana.actor.user}
        assert ana.actor.realm == bench.town.account
        assert (last.zone, last.team) == ("Asia/Tokyo", None)
        assert len(bench.server.arrived("GET", "/users")) == 4  # three pages, and who is inactive


async def test_without_a_bot_nobody_is_reachable(open_bench: Any) -> None:
    async with open_bench(app=None) as bench:
        assert {one.address for one in await members(bench)} == {None}


async def test_who_was_deactivated_has_left_once(open_bench: Any) -> None:
    async with open_bench() as bench:
        await members(bench)
        ben = bench.users[1]
        bench.town.users[ben]["status"] = "inactive"
        for _ in range(2):
            assert ben not in {one.actor.user for one in await members(bench)}
        assert [one.value.user for one in bench.context.inbox.received if one.name == "left"] == [ben]
        bench.town.users[ben]["status"] = "active"
        assert ben in {one.actor.user for one in await members(bench)}


@pytest.mark.parametrize("fault", [faults.refusal(503), faults.bad_json(), faults.too_many()])
async def test_a_reading_that_fails_is_done_again(open_bench: Any, fault: Any) -> None:
    async with open_bench() as bench:
        bench.server.script(fault)
        with pytest.raises(RetryLater):
            await members(bench)
        assert len(await members(bench)) == 3


async def test_odd_users_do_not_keep_the_others_out(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.town.users["odd"] = {**bench.town.users[bench.users[0]], "id": "", "email": "x@example.org"}
        bench.town.users["bare"] = {
            **bench.town.users[bench.users[0]],
            "id": "bare-user",
            "first_name": "",
            "last_name": "",
        }
        for one in bench.town.users.values():
            one.pop("display_name", None)
        found = {one.actor.user: one for one in await members(bench)}
        assert set(found) == {*bench.users, "bare-user"}
        assert found[bench.users[1]].name == "Ben Okafor"
        assert found["bare-user"].name == ""


async def test_accounts_are_linked_by_the_api_s_e_mail_and_events_take_them_off(
    open_village: Any, tmp_path: Path
) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as village:
        accounts = {row.user: row for row in await village.rows(tables.identity)}
        assert {accounts[user].verified for user in village.users} == {"directory_email"}
        ben = village.users[1]
        gone = {"id": ben, "email": "ben@example.org", "type": 2}
        payload = {"account_id": village.town.account, "operator": "x", "operator_id": "y", "object": gone}
        village.server.sender.tell({"event": "user.deleted", "event_ts": 1, "payload": payload})
        await village.handled()
        accounts = {row.user: row for row in await village.rows(tables.identity)}
        assert not accounts[ben].reachable
        assert accounts[ben].person_id == village.people["Ben Okafor"]  # who may have other accounts
