"""Guess the photo on the real pages: its own agreement, photos without names, and out of the game in one step."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa
from PIL import Image

from tertulia.services import advance, programs, rounds
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """

[[practice]]
key = "photos"
kind = "guess-the-photo"
title = "Whose <window> is it?"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:00", time = "common" }
open_for = "1d"
"""
PLAYERS = ("member", "host", "admin")
PATH = "/answer/{}/picture"


def window() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "CANARY-CAMERA"
    Image.new("RGB", (8, 8), "blue").save(out, "JPEG", exif=exif)
    return out.getvalue()


async def step_on(site: Any, practice: str, until: Any) -> None:
    """Carry out what is due of a practice's rounds until *until*."""
    table = tables.round_table
    query = (
        sa.select(table)
        .where(table.c.practice == practice, table.c.next_at <= until, table.c.next_action.is_not(None))
        .order_by(table.c.next_at)
        .limit(1)
    )
    for _ in range(40):
        async with site.runtime.database.read() as tx:
            due = (await tx.execute(query)).one_or_none()
        if due is None:
            break
        site.clock.set(max(site.clock.now(), due.next_at))
        await advance.advance(site.runtime, due.id, due.step)
    site.clock.set(until)


async def open_rounds(site: Any) -> list[Any]:
    async with site.runtime.database.read() as tx:
        query = sa.select(tables.round_table.c.id).where(
            tables.round_table.c.practice == "photos", tables.round_table.c.state == "open"
        )
        return [await rounds.find(tx, one) for one in (await tx.execute(query)).scalars().all()]


async def send(site: Any, visitor: Any, path: str, form: dict[str, str], file: bytes) -> tuple[int, str]:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in {"csrf": visitor.field("csrf"), **form}.items():
        data.add_field(name, value)
    data.add_field("file", io.BytesIO(file), filename="window.jpg", content_type="image/jpeg")
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": cookies}
    async with site.client.post(site.base + path, data=data, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def fetched(site: Any, visitor: Any, path: str) -> tuple[int, Any, bytes]:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    async with site.client.get(site.base + path, headers={"Cookie": cookies}, allow_redirects=False) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_photos_come_in_are_guessed_and_go_on_the_pages(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            whose = {"organization": tenant.organization, "workspace": tenant.workspace}
            await programs.apply(site.runtime, tx, **whose, text=PROGRAM, actor="test")
        await step_on(site, "photos", site.clock.now() + timedelta(days=7, hours=12))
        (first,) = await open_rounds(site)
        people = {who: await site.member(tenant, who) for who in (*PLAYERS, "owner")}
        fields = {"field.alt": "A window at night", "field.agreed": "yes"}
        for who in PLAYERS:
            visitor, path = people[who], PATH.format(first.id)
            page = await (await visitor.get(path)).text()
            assert "to those who put one in themselves" in page
            assert "first without your name, at the end with it" in page
            status, page = await send(site, visitor, path, fields, window())
            assert status == 422
            assert "not agreed that your photo is shown in this game" in page
            assert (await send(site, visitor, path, {**fields, "field.consent": "yes"}, window()))[0] == 303
            status, page = await send(site, visitor, path, {**fields, "field.consent": "yes"}, window())
            assert status == 422, "one photo each"
            assert "Your photo is in the game." in page
        async with site.runtime.database.read() as tx:
            items = (await tx.execute(sa.select(tables.gallery_item.c.id))).scalars().all()
        assert len(items) == 3
        page = await (await people["owner"].get("/my/gallery")).text()
        assert "A window at night" not in page
        assert [(await fetched(site, people["owner"], f"/my/gallery/full/{one}"))[0] for one in items] == [404] * 3
        assert 'value="answer"' not in await (await people["owner"].get(f"/answer/{first.id}")).text()

        await step_on(site, "photos", site.clock.now() + timedelta(days=1, hours=12))
        (game,) = await open_rounds(site)
        photo = f"/answer/{game.id}/pictures/small/photo1"
        for who in PLAYERS:
            page = await (await people[who].get(f"/answer/{game.id}")).text()
            assert page.count(f'src="/answer/{game.id}/pictures/small/') == 2
            assert f"CanaryAcme {who}" not in page.partition("<main")[2]
            assert not any(one in page for one in (*items, *tenant.persons.values()))
            status, headers, body = await fetched(site, people[who], photo)
            assert (status, headers["Cache-Control"], body[:3]) == (200, "no-store", b"\xff\xd8\xff")
            assert b"CANARY" not in body
        assert (await fetched(site, people["owner"], photo))[0] == 404
        stranger = await site.member(site.tenants["Zenith"], "member")
        assert (await fetched(site, stranger, photo))[0] == 404
        guessed = await people["host"].post(f"/answer/{game.id}", {"verb": "answer", "field.photo1": "1"})
        assert guessed.status == 200

        await people["member"].get(f"/answer/{game.id}")
        assert (await people["member"].post(f"/answer/{game.id}/take-back")).status == 303
        page = await (await people["host"].get(f"/answer/{game.id}")).text()
        assert "/pictures/small/" not in page, "with the only other name gone there is nothing left to guess"
        assert "CanaryAcme member" not in page.partition("<main")[2]
        async with site.runtime.database.read() as tx:
            assert await tx.scalar(sa.select(sa.func.count()).select_from(tables.gallery_picture)) == 4
