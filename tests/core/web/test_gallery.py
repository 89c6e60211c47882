"""A picture through the real page: who may add it, who sees it, what is kept of it, and that it goes at once."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from PIL import Image

from tertulia.errors import Mistake
from tertulia.services import (
    gallery,
    merging,
    my_data,
    opening,
    people,
    pictures,
    preferences,
    programs,
    retention,
    rounds,
    taking_back,
)
from tertulia.services.pictures import LARGEST
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """

[[practice]]
key = "pets"
kind = "sharing"
title = "Who keeps you <company>?"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:00", time = "common" }
open_for = "5d"
options = { about = "pets", visibility = "VISIBILITY", keep_days = 30 }

[[practice]]
key = "songs"
kind = "sharing"
title = "Songs"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:00", time = "common" }
open_for = "5d"
options = { about = "playlist", keep_days = 30 }
"""
ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def cat(*, position: bool = False) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    if position:
        exif[0x010F] = "CANARY-CAMERA"
        exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


@dataclass
class Hall:
    """Hold a site with open rounds of sharing."""

    site: Any
    tenant: Any
    pets: str
    songs: str

    async def add(self, visitor: Any, file: bytes | None, **fields: str) -> tuple[int, str]:
        """Send the form of the picture page; its fields are filled in well unless said otherwise."""
        form = {
            "csrf": visitor.field("csrf"),
            "field.alt": "A cat on a keyboard",
            "field.words": "Otto, who closes my tickets",
            "field.agreed": "yes",
            **fields,
        }
        data = aiohttp.FormData(default_to_multipart=True)
        for name, value in form.items():
            data.add_field(name, value)
        if file is not None:
            data.add_field("file", io.BytesIO(file), filename="../../otto.svg", content_type="image/svg+xml")
        return await self.post(visitor, data)

    async def post(self, visitor: Any, data: Any, **headers: str) -> tuple[int, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        url = f"{self.site.base}/answer/{self.pets}/picture"
        given = {**ORIGIN, "Cookie": cookies, **headers}
        async with self.site.client.post(url, data=data, headers=given, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.site.runtime.database.read() as tx:
            return list((await tx.execute(sa.select(table).order_by(*table.primary_key.columns))).all())

    async def kept(self) -> tuple[int, int, int]:
        """Count pictures, their files, and answers that are no passes."""
        said = [row for row in await self.rows(tables.response) if not row.passed]
        return len(await self.rows(tables.gallery_item)), len(await self.rows(tables.gallery_picture)), len(said)

    async def item(self) -> str:
        return str((await self.rows(tables.gallery_item))[0].id)


@asynccontextmanager
async def hall(open_site: OpenSite, visibility: str = "workspace") -> AsyncIterator[Hall]:
    async with open_site() as site:
        tenant = site.tenants["Acme"]
        site.clock.advance(timedelta(days=7, hours=4))
        opened = {}
        async with site.runtime.database.write() as tx:
            program = await programs.apply(
                site.runtime,
                tx,
                organization=tenant.organization,
                workspace=tenant.workspace,
                text=PROGRAM.replace("VISIBILITY", visibility),
                actor="test",
            )
            assert program is not None
            query = sa.select(tables.round_table.c.id).where(
                tables.round_table.c.practice.in_(("pets", "songs")), tables.round_table.c.state == "planned"
            )
            for identifier in (await tx.execute(query)).scalars().all():
                row = await rounds.find(tx, identifier)
                assert row is not None
                site.clock.set(max(site.clock.now(), row.opens_at))
                await opening.open_round(site.runtime, tx, row)
                opened[row.practice] = row.id
        yield Hall(site, tenant, opened["pets"], opened["songs"])


async def test_a_picture_is_added_seen_and_taken_back(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        mine = await scene.site.member(scene.tenant, "member")
        other = await scene.site.member(scene.tenant, "host")
        answer = await mine.get(f"/answer/{scene.pets}/picture")
        assert "everyone in the workspace sees it" in await answer.text()
        assert (await scene.add(mine, cat(position=True)))[0] == 303
        assert await scene.kept() == (1, 2, 1)
        (said,) = [row for row in await scene.rows(tables.response) if row.round_id == scene.pets]
        assert said._mapping["values"] == {"words": "Otto, who closes my tickets"}
        page = await (await other.get("/my/gallery")).text()
        assert 'alt="A cat on a keyboard"' in page
        assert "CanaryAcme member" in page
        assert "Take it back" not in page
        path = f"/my/gallery/full/{await scene.item()}"
        shown = await fetched(scene, other, path)
        assert shown[0] == 200
        assert shown[1]["Content-Type"] == "image/jpeg"
        assert shown[1]["Cache-Control"] == "no-store"
        assert shown[1]["X-Content-Type-Options"] == "nosniff"
        assert shown[1]["Cross-Origin-Resource-Policy"] == "same-origin"
        assert shown[2][:3] == b"\xff\xd8\xff"
        assert b"CANARY" not in shown[2]
        assert all(b"\xff\xd8\xff" not in row.sealed for row in await scene.rows(tables.gallery_picture))
        await mine.get("/my/gallery")
        assert (await mine.post("/my/gallery/take-back", {"round": scene.pets})).status == 303
        assert await scene.kept() == (0, 0, 0)
        assert (await fetched(scene, other, path))[0] == 404
        assert "A cat on a keyboard" not in await (await other.get("/my/gallery")).text()
        assert await scene.rows(tables.participation) == []


async def fetched(scene: Hall, visitor: Any, path: str) -> tuple[int, Any, bytes]:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    url, headers = scene.site.base + path, {"Cookie": cookies}
    async with scene.site.client.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_a_personal_link_is_enough_to_add_and_to_take_back(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        scene.tenant.rounds["pets"] = scene.pets
        visitor = await scene.site.follow(scene.tenant, "member", "pets")
        assert "/picture" in await (await visitor.get(f"/answer/{scene.pets}")).text()
        await visitor.get(f"/answer/{scene.pets}/picture")
        key = visitor.field("key")
        for _ in range(2):
            assert (await scene.add(visitor, cat(), key=key))[0] == 303
        assert await scene.kept() == (1, 2, 1)
        assert (await visitor.get("/my/gallery")).status == 303
        assert (await visitor.post(f"/answer/{scene.pets}/take-back")).status == 303
        assert await scene.kept() == (0, 0, 0)


async def test_whatever_is_wrong_nothing_is_kept(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        visitor = await scene.site.member(scene.tenant, "member")
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00"
        corpus = {
            "svg": svg,
            "html as png": b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
            "truncated": cat()[:500],
            "bomb": bomb,
            "empty": b"",
            "oversized": bytes(LARGEST + 1),
        }
        for name, file in corpus.items():
            status, page = await scene.add(visitor, file)
            assert status == 422, name
            assert 'role="alert"' in page, name
            assert "Otto, who closes my tickets" in page, name
        assert "larger than 12 MB" in page
        assert (await scene.add(visitor, None))[0] == 422
        assert "is empty" in (await scene.add(visitor, cat(), **{"field.alt": " "}))[1]
        agreed = await scene.add(visitor, cat(), csrf=visitor.field("csrf"), **{"field.alt": "x" * 301})
        assert "shorten it by 1" in agreed[1]
        data = aiohttp.FormData(default_to_multipart=True)
        data.add_field("csrf", visitor.field("csrf"))
        data.add_field("field.alt", "A cat")
        data.add_field("file", cat(), filename="a.jpg")
        assert "not confirmed" in (await scene.post(visitor, data))[1]
        assert await scene.kept() == (0, 0, 0)


async def test_forms_that_are_none_are_refused(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        visitor = await scene.site.member(scene.tenant, "member")
        token = {"X-CSRF-Token": visitor.field("csrf")}
        assert (await scene.add(visitor, cat(), csrf="wrong"))[0] == 403
        kind = "multipart/form-data; boundary=b"
        broken = {
            b"": 400,
            b"--b\r\n\r\nx": 400,
            b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\xff\xfe\r\n--b--\r\n': 400,
            b"no boundary at all": 400,
            b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n": 400,
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 20_000 + b"\r\n--b--\r\n": 413,
        }
        for body, expected in broken.items():
            assert (await scene.post(visitor, body, **{"Content-Type": kind, **token}))[0] == expected, body[:60]
        assert (await scene.post(visitor, b"x", **{"Content-Type": "multipart/form-data", **token}))[0] == 400
        assert (await scene.post(visitor, b"a=b", **{"Content-Type": "text/plain", **token}))[0] == 415
        assert await scene.kept() == (0, 0, 0)


async def test_a_team_s_picture_is_the_team_s(open_site: OpenSite) -> None:
    async with hall(open_site, "team") as scene:
        site, tenant = scene.site, scene.tenant
        async with site.runtime.database.write() as tx:
            table = tables.person
            for who, team in (("member", "Red"), ("host", "Red"), ("admin", "Blue")):
                await tx.execute(table.update().where(table.c.id == tenant.persons[who]).values(team=team))
        mine = await site.member(tenant, "member")
        assert (await scene.add(mine, cat()))[0] == 303
        path = f"/my/gallery/small/{await scene.item()}"
        seen = {}
        for who in ("member", "host", "admin", "owner"):
            visitor = await site.member(tenant, who)
            page = await (await visitor.get("/my/gallery")).text()
            seen[who] = ("A cat on a keyboard" in page, (await fetched(scene, visitor, path))[0])
        assert seen == {
            "member": (True, 200),
            "host": (True, 200),
            "admin": (False, 404),
            "owner": (False, 404),
        }
        stranger = await site.member(site.tenants["Zenith"], "member")
        assert (await fetched(scene, stranger, path))[0] == 404


async def test_who_opted_out_left_or_passed_is_not_shown(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        site, tenant = scene.site, scene.tenant
        mine, other = await site.member(tenant, "member"), await site.member(tenant, "host")
        assert (await scene.add(mine, cat()))[0] == 303
        path, whose = f"/my/gallery/full/{await scene.item()}", (tenant.organization, tenant.persons["member"])

        async def shown(visitor: Any) -> bool:
            page = await (await visitor.get("/my/gallery")).text()
            status = (await fetched(scene, visitor, path))[0]
            assert (status == 200) is ("A cat on a keyboard" in page)
            return status == 200

        assert await shown(other)
        async with site.runtime.database.write() as tx:
            await preferences.opt_out(site.runtime, tx, *whose, "pets")
        assert not await shown(other)
        assert await shown(mine)  # to take it back
        async with site.runtime.database.write() as tx:
            await preferences.opt_in(site.runtime, tx, *whose, "pets")
        assert await shown(other)
        await mine.get(f"/answer/{scene.pets}")
        assert (await mine.post(f"/answer/{scene.pets}", {"verb": "pass"})).status == 200
        assert not await shown(other)
        assert await scene.kept() == (0, 0, 0)


async def test_what_is_past_its_day_is_neither_shown_nor_kept(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        site, tenant = scene.site, scene.tenant
        mine = await site.member(tenant, "member")
        assert (await scene.add(mine, cat()))[0] == 303
        path = f"/my/gallery/full/{await scene.item()}"
        site.clock.advance(timedelta(days=29))
        await retention.sweep(site.runtime, site.clock.now())
        assert await scene.kept() == (1, 2, 1)
        site.clock.advance(timedelta(days=2))
        mine, other = await site.member(tenant, "member"), await site.member(tenant, "host")
        assert (await fetched(scene, other, path))[0] == 404
        assert "A cat" not in await (await mine.get("/my/gallery")).text()
        site.clock.advance(timedelta(days=2))
        swept = await retention.sweep(site.runtime, site.clock.now())
        assert swept["gallery_picture"] == 2
        assert await scene.kept() == (0, 0, 0)


async def test_my_data_holds_the_picture_and_erasing_removes_it(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        site, tenant = scene.site, scene.tenant
        mine = await site.member(tenant, "member")
        assert (await scene.add(mine, cat()))[0] == 303
        held = json.loads(await (await mine.get("/my/data.json")).text())
        assert held["gallery"][0]["alt"] == "A cat on a keyboard"
        kind, _, body = held["pictures"][0]["picture"].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert base64.b64decode(body)[:3] == b"\xff\xd8\xff"
        assert "A cat on a keyboard" in await (await mine.get("/my")).text()
        assert "A cat" not in await (await (await site.member(tenant, "host")).get("/my/data.json")).text()
        async with site.runtime.database.write() as tx:
            await my_data.erase(site.runtime, tx, tenant.organization, tenant.persons["member"], actor="test")
        assert await scene.kept() == (0, 0, 0)


@pytest.mark.parametrize("change", ["erased", "taken back"])
async def test_a_picture_on_its_way_is_not_kept_any_more(open_site: OpenSite, change: str) -> None:
    async with hall(open_site) as scene:
        site, organization, person = scene.site, scene.tenant.organization, scene.tenant.persons["member"]
        runtime, drawn = site.runtime, pictures.render(cat())
        assert (await scene.add(await site.member(scene.tenant, "member"), cat()))[0] == 303
        async with runtime.database.write() as tx:
            round_ = await rounds.find(tx, scene.pets)
            if change == "erased":
                await my_data.erase(runtime, tx, organization, person, actor="test")
            else:
                await taking_back.take_back(runtime, tx, organization, person, scene.pets)
        async with runtime.database.write() as tx:
            with pytest.raises(Mistake, match="taken back"):
                await gallery.keep(runtime, tx, round_, person, drawn, "A cat", "another key")
        assert await scene.kept() == (0, 0, 0)


async def test_a_merged_person_keeps_the_pictures(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        site, tenant = scene.site, scene.tenant
        mine = await site.member(tenant, "member")
        assert (await scene.add(mine, cat()))[0] == 303
        async with site.runtime.database.write() as tx:
            twin = await people.add_person(
                site.runtime, tx, tenant.organization, {"name": "Twin"}, workspace=tenant.workspace, actor="test"
            )
            of = (site.runtime, tx, tenant.organization)
            await merging.merge(*of, kept=twin, gone=tenant.persons["member"], actor="test")
        page = await (await (await site.member(tenant, "host")).get("/my/gallery")).text()
        assert "A cat on a keyboard" in page
        assert "Twin" in page


async def test_only_what_hangs_in_the_gallery_is_taken_back(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        mine, other = [await scene.site.member(scene.tenant, who) for who in ("member", "host")]
        assert (await scene.add(mine, cat()))[0] == 303
        ask = scene.tenant.rounds["ask"]
        said = {"organization_id": scene.tenant.organization, "round_id": ask, "values": {"long": "Kept"}}
        said |= {"person_id": scene.tenant.persons["member"], "passed": False, "visibility": "me", "platform": "web"}
        async with scene.site.runtime.database.write() as tx:
            now = scene.site.clock.now()
            await tx.execute(tables.response.insert().values(**said, version=1, given_at=now))
        await mine.get("/my/gallery")
        assert (await mine.post("/my/gallery/take-back", {"round": ask})).status == 303
        assert (await mine.post(f"/answer/{ask}/take-back")).status == 303
        for form in ({"round": scene.pets}, {"picture": await scene.item()}, {"round": "nothing"}, {}):
            assert (await other.post("/my/gallery/take-back", form)).status == 303
        assert await scene.kept() == (1, 2, 2)


async def test_there_is_room_for_so_many(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        mine = await scene.site.member(scene.tenant, "member")
        small = io.BytesIO()
        Image.new("RGB", (8, 8)).save(small, "PNG")
        statuses = [(await scene.add(mine, small.getvalue()))[0] for _ in range(7)]
        assert statuses == [303] * 6 + [422]
        assert await scene.kept() == (6, 12, 1)
        await mine.get("/my/gallery")
        assert (await mine.post("/my/gallery/take-back", {"picture": await scene.item()})).status == 303
        assert await scene.kept() == (5, 10, 1)


async def test_a_playlist_is_taken_along_as_a_list(open_site: OpenSite) -> None:
    async with hall(open_site) as scene:
        mine, other = [await scene.site.member(scene.tenant, who) for who in ("member", "host")]
        await mine.get(f"/answer/{scene.songs}")
        song = {"field.link": "https://youtu.be/dQw4w9WgXcQ?si=me", "field.title": "A\nsong <b>"}
        assert (await mine.post(f"/answer/{scene.songs}", {"verb": "answer", **song})).status == 200
        page = await (await other.get("/my/gallery")).text()
        assert 'href="https://youtu.be/dQw4w9WgXcQ"' in page
        assert "song &lt;b&gt;" in page
        answer = await other.get(f"/my/gallery/lists/{scene.songs}")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert (await answer.text()).splitlines()[2:4] == ["A song <b>", "https://youtu.be/dQw4w9WgXcQ"]
        assert (await other.get(f"/my/gallery/lists/{scene.pets}")).status == 404
        assert (await mine.get(f"/answer/{scene.songs}/picture")).status == 303
