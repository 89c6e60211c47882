"""The page of one's own thanks: thank somebody, keep thanks out of the digest, take them back."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tertulia.services import programs
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """
[[practice]]
key = "thanks"
kind = "kudos"
title = "Thanks"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }
open_for = "6d"
"""


async def started(site: Any) -> Any:
    acme = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        where = {"organization": acme.organization, "workspace": acme.workspace}
        await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
    return acme


def form_of(acme: Any, **given: str) -> dict[str, str]:
    return {"step": "thank", "practice": f"{acme.workspace}:thanks", "whom": "owner@acme.example", **given}


async def test_thanks_are_given_kept_out_and_taken_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = await started(site)
        giver, receiver = await site.member(acme, "member"), await site.member(acme, "owner")
        given = form_of(acme, value="Care", why="For the <b>soup</b>.", audience="public")
        assert (await giver.post("/my/kudos", given)).status == 303
        page = await (await giver.get("/my/kudos")).text()
        assert "For the &lt;b&gt;soup" in page
        assert "CanaryAcme owner" in page
        theirs = await (await receiver.get("/my/kudos")).text()
        assert "CanaryAcme member" in theirs
        assert "may stand in the digest" in theirs
        found = re.search(r'name="thanks" value="(\w+)"', theirs)
        assert found is not None
        one = {"thanks": found.group(1)}
        assert (await receiver.post("/my/kudos", {**one, "step": "hide"})).status == 303
        assert "kept out of the digest" in await (await receiver.get("/my/kudos")).text()
        # nobody but the receiver keeps it out, nobody but the giver takes it back, and no other tenant does either
        stranger = await site.member(site.tenants["Zenith"], "owner")
        for visitor, step in ((giver, "hide"), (receiver, "take back"), (stranger, "hide"), (stranger, "take back")):
            assert (await visitor.post("/my/kudos", {**one, "step": step})).status == 422
        assert (await giver.post("/my/kudos", {**one, "step": "take back"})).status == 303
        assert "For the" not in await (await receiver.get("/my/kudos")).text()


async def test_a_wrong_form_keeps_nothing_and_keeps_what_was_typed(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = await started(site)
        giver = await site.member(acme, "member")
        wrong = (
            {"whom": "owner@zenith.example"},
            {"whom": ""},
            {"value": "Speed"},
            {"why": "x" * 601},
            {"practice": f"{acme.workspace}:ask"},
        )
        for given in wrong:
            answer = await giver.post("/my/kudos", form_of(acme, **{"why": "My words.", **given}))
            assert answer.status == 422, given
            assert given.get("why", "My words.") in await answer.text() or "practice" in given
        assert (await giver.post("/my/kudos", {"step": "dance"})).status == 400
        async with site.runtime.database.read() as tx:
            assert (await tx.execute(tables.kudos.select())).all() == []
