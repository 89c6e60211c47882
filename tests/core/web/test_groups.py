"""The page of groups: what a stranger to a group sees, what its members see, and what nobody does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from tertulia.services import opening, programs, rounds

PAGE = "/my/groups"
PROGRAM = """
[[practice]]
key = "parents-ask"
kind = "question"
title = "Among parents"
audience = { groups = ["parents"] }
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }
open_for = "2d"
"""
FOUND = {"do": "found", "name": "Parents", "about": "For those who raise children."}


async def text(visitor: Any) -> str:
    answer = await visitor.get(PAGE)
    assert answer.status == 200
    return str(await answer.text())


async def do(visitor: Any, what: str, group: str, **more: str) -> None:
    answer = await visitor.post(PAGE, {"do": what, "group": group, **more})
    assert answer.status == 303, await answer.text()


async def founded(site: Any, tenant: Any, who: str = "member", **more: str) -> tuple[Any, str]:
    """Found a group and return its keeper's browser and its id."""
    visitor = await site.member(tenant, who)
    answer = await visitor.post(PAGE, {**FOUND, "workspace": tenant.workspace, **more})
    assert answer.status == 303, await answer.text()
    group = re.search(r'name="group" value="([0-9a-f]{32})"', await text(visitor))
    assert group is not None
    return visitor, group.group(1)


async def test_an_open_group_names_to_others_only_who_wishes_it(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, group = await founded(site, acme)
        host, admin = await site.member(acme, "host"), await site.member(acme, "admin")
        await do(host, "join", group)
        shown = await text(admin)
        assert "For those who raise children." in shown
        assert "CanaryAcme member" not in shown
        assert "CanaryAcme host" not in shown
        await do(host, "show", group)
        assert "CanaryAcme host" in await text(admin)
        await do(host, "hide", group)
        assert "CanaryAcme host" not in await text(admin)
        # members see each other, and an admin's role opens nothing
        assert "CanaryAcme host" in await text(keeper)
        await do(host, "leave", group)
        assert "CanaryAcme host" not in await text(keeper)


async def test_a_private_group_is_entered_through_its_keeper(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, group = await founded(site, acme, private="yes")
        host, admin = await site.member(acme, "host"), await site.member(acme, "admin")
        await do(host, "join", group, shown="yes")
        assert "You asked to be let in." in await text(host)
        assert "CanaryAcme member" not in await text(host)
        assert "CanaryAcme host would like to join." in await text(keeper)
        # who keeps nothing decides nothing
        refused = await admin.post(PAGE, {"do": "let-in", "group": group, "person": acme.persons["host"]})
        assert refused.status == 422
        await do(keeper, "let-in", group, person=acme.persons["host"])
        assert "CanaryAcme member" in await text(host)
        assert (await host.post(PAGE, {"do": "show", "group": group})).status == 422
        assert "CanaryAcme host" not in await text(admin)
        await do(admin, "join", group)
        await do(keeper, "refuse", group, person=acme.persons["admin"])
        assert "would like to join" not in await text(keeper)
        assert "You asked to be let in." not in await text(admin)


async def test_becoming_private_hides_who_was_named(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, group = await founded(site, acme)
        host, admin = await site.member(acme, "host"), await site.member(acme, "admin")
        await do(host, "join", group, shown="yes")
        assert "CanaryAcme host" in await text(admin)
        assert (await host.post(PAGE, {"do": "describe", "group": group, "name": "Mine"})).status == 422
        await do(keeper, "describe", group, name="Families", about="", private="yes")
        shown = await text(admin)
        assert "Families" in shown
        assert "CanaryAcme host" not in shown


async def test_a_private_group_that_others_are_in_stays_private(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, group = await founded(site, acme, private="yes")
        host, admin = await site.member(acme, "host"), await site.member(acme, "admin")
        await do(keeper, "describe", group, name="Parents", about="")
        await do(keeper, "describe", group, name="Parents", about="", private="yes")
        await do(host, "join", group)
        await do(keeper, "let-in", group, person=acme.persons["host"])
        # whoever may come in freely would see who is in it
        answer = await keeper.post(PAGE, {"do": "describe", "group": group, "name": "Parents", "about": ""})
        assert answer.status == 422
        assert "stays private" in await answer.text()
        await do(admin, "join", group)
        assert "CanaryAcme host" not in await text(admin)


async def test_a_group_without_a_keeper_is_taken_on_by_a_member(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, group = await founded(site, acme)
        host = await site.member(acme, "host")
        await do(host, "join", group)
        assert (await host.post(PAGE, {"do": "keep", "group": group})).status == 422
        await do(keeper, "leave", group)
        assert "Look after it" in await text(host)
        await do(host, "keep", group)
        assert "Change what it says" in await text(host)


async def test_another_organization_neither_finds_nor_enters_a_group(open_site: Any) -> None:
    async with open_site() as site:
        _, group = await founded(site, site.tenants["Acme"])
        stranger = await site.member(site.tenants["Zenith"], "member")
        assert "Parents" not in await text(stranger)
        for verb in ("join", "leave", "show", "keep", "describe", "let-in"):
            answer = await stranger.post(PAGE, {"do": verb, "group": group, "name": "x"})
            assert answer.status == 422
            assert "There is no such group" in await answer.text()
        home = site.tenants["Acme"].workspace
        assert (await stranger.post(PAGE, {**FOUND, "name": "Ours", "workspace": home})).status == 422


async def test_what_strangers_send_is_a_sentence_and_founds_nothing(open_site: Any) -> None:
    wrongs: list[dict[str, str]] = [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "!!!"},
        {"name": "a\x00b"},
        {"about": "x" * 601},
        {"do": "nothing"},
        {"workspace": "0" * 32},
    ]
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.member(acme, "member")
        for wrong in wrongs:
            answer = await visitor.post(PAGE, {**FOUND, "workspace": acme.workspace, **wrong})
            assert answer.status == 422, wrong
            assert 'role="alert"' in await answer.text()
        assert "There is no other group yet." in await text(visitor)


async def test_a_name_is_taken_once(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await founded(site, acme)
        other = await site.member(acme, "host")
        answer = await other.post(PAGE, {**FOUND, "name": "PARENTS!", "workspace": acme.workspace})
        assert answer.status == 422
        assert "There is or was a group of this name" in await answer.text()


async def test_who_is_not_in_a_group_finds_none_of_its_rounds(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        keeper, _ = await founded(site, acme)
        async with site.runtime.database.write() as tx:
            where = {"organization": acme.organization, "workspace": acme.workspace}
            await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
        site.clock.advance(timedelta(hours=4))
        async with site.runtime.database.write() as tx:
            recent = await rounds.recent(tx, acme.organization, acme.workspace)
            row = next(one for one in recent if one.practice == "parents-ask")
            await opening.open_round(site.runtime, tx, row)
        path = f"/answer/{row.id}"
        assert (await keeper.get(path)).status == 200
        # neither a host, who sees that there is such a round, nor an admin reads or answers it
        for who in ("host", "admin"):
            visitor = await site.member(acme, who)
            assert (await visitor.get(path)).status == 404
            assert (await visitor.post(path, {"verb": "answer", "field.long": "x"})).status == 404
            assert "Among parents" not in await (await visitor.get("/my/practices")).text()
            assert "Among parents" not in await (await visitor.get("/my")).text()
        assert "Among parents" in await (await keeper.get("/my/practices")).text()
