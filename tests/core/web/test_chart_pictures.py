"""Charts as pictures: what is seen on them, and who gets at them, for how long."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import aiohttp
import numpy as np
from aiohttp.test_utils import TestServer
from PIL import Image, ImageColor

from tertulia.services import card_pictures
from tertulia.web import app, chart_pictures
from tertulia.web.buckets import Buckets

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
RISING: dict[str, Any] = {
    "title": "Belonging",
    "now": "66 % (between 63 % and 69 %)",
    "shown": "percent",
    "series": [[55, 52, 58], [58, 55, 61], [66, 63, 69]],
    "baseline": [56.5, 54, 59],
    "words": "Belonging: 2026-Q2 55 %, 2026-Q3 58 %, 2026-Q4 66 %.",
}
SINGLE = {**RISING, "series": [[55, 52, 58]]}


def drawn(*told: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(chart_pictures.draw(told))).convert("RGB")


def near(image: Image.Image, colour: str) -> Any:
    """Return the columns and rows where a colour is, but for what making lines smooth changes."""
    rows, columns = np.nonzero((abs(np.asarray(image).astype(int) - ImageColor.getrgb(colour)) <= 6).all(axis=2))
    return np.array([columns, rows])


def test_a_picture_shows_the_line_its_band_and_its_words() -> None:
    image = drawn(RISING)
    assert image.width == chart_pictures.WIDE * chart_pictures.SCALE
    across, down = near(image, chart_pictures.ACCENT)
    assert across.min() < image.width * 0.1
    assert across.max() > image.width * 0.9, "it goes from side to side"
    assert down[across > image.width * 0.9].mean() < down[across < image.width * 0.1].mean() - 40, "rising goes up"
    assert near(image, chart_pictures.BAND).shape[1] > 1000
    _, letters = near(image, chart_pictures.TEXT)
    assert letters.size > 100, "the title is written, whatever fonts the machine has"
    assert letters.max() < down.min(), "above the line"
    assert max(image.getcolors(1 << 20) or [])[1] == (255, 255, 255)


def test_each_chart_has_its_place_and_what_cannot_be_drawn_has_none() -> None:
    assert (
        drawn(RISING, RISING).height > 1.8 * drawn(RISING).height - 2 * chart_pictures.MARGIN * chart_pictures.SCALE
    )
    assert drawn(RISING, SINGLE).size == drawn(RISING).size
    assert not near(drawn({**RISING, "baseline": None}), chart_pictures.BAND).size


async def test_whoever_has_the_address_sees_it_until_it_expires(open_site: OpenSite) -> None:
    async with open_site() as site:
        home = site.tenants["Acme"]
        address = card_pictures.address(site.runtime, home.organization, home.workspace, [RISING])
        path = address.removeprefix(site.runtime.config.public_url)
        visitor = site.visitor()
        async with aiohttp.ClientSession(visitor.base) as platform, platform.get(path) as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
            assert await answer.read() == chart_pictures.draw([RISING])
        for other in (path[:-8] + "AAAA.png", "/charts/nothing.png", f"/charts/{'A' * 4000}.png"):
            assert (await visitor.get(other)).status == 404
        card = site.runtime.vault.token({"of": [], "until": 2**40, "charts": [RISING]}, "card")
        assert (await visitor.get(f"/charts/{card}.png")).status == 404, "sealed for something else"
        site.wall.set(datetime.now(UTC) + card_pictures.LASTS + timedelta(minutes=1))
        assert (await visitor.get(path)).status == 404


async def test_a_picture_is_drawn_once_and_nobody_has_too_many_drawn(open_site: OpenSite) -> None:
    async with open_site() as site:
        home, numbers = site.tenants["Acme"], count()

        def path() -> str:
            told = [{**RISING, "title": f"Belonging {next(numbers)}"}]
            address = card_pictures.address(site.runtime, home.organization, home.workspace, told)
            return address.removeprefix(site.runtime.config.public_url)

        made = app.build(site.runtime, wall=site.wall, wait=0.0)
        # a clock that stands still gives nothing back
        made[chart_pictures.DRAWINGS] = Buckets(2, 1.0, lambda: 0.0)
        async with TestServer(made) as server, aiohttp.ClientSession() as platform:

            async def get(path: str) -> tuple[int, str, bytes]:
                async with platform.get(server.make_url(path)) as answer:
                    return answer.status, answer.headers["Cache-Control"], await answer.read()

            first, second = path(), path()
            at_once = await asyncio.gather(*(get(first) for _ in range(5)))
            assert at_once == [at_once[0]] * 5, "one is drawn, and four wait for it"
            status, kept, content = at_once[0]
            assert status == 200
            assert kept.startswith("private, max-age=")
            assert kept.endswith(", immutable")
            assert (await get(second))[0] == 200
            refused, never, _ = await get(path())
            assert (refused, never) == (429, "no-store")
            assert await get(first) == (200, kept, content), "what is drawn is had by whoever asks"
            assert (await get("/charts/nothing.png"))[0] == 404


async def test_a_picture_is_kept_no_longer_than_its_address_lasts(open_site: OpenSite) -> None:
    async with open_site() as site:
        home = site.tenants["Acme"]
        address = card_pictures.address(site.runtime, home.organization, home.workspace, [RISING])
        path = address.removeprefix(site.runtime.config.public_url)
        lasting = []
        for day in (0, 3):
            site.wall.set(datetime.now(UTC) + timedelta(days=day))
            async with aiohttp.ClientSession(site.base) as platform, platform.get(path) as answer:
                kept = answer.headers["Cache-Control"]
            lasting.append(timedelta(seconds=int(kept.split("=")[1].split(",")[0])))
        assert timedelta(days=29) < lasting[0] <= card_pictures.LASTS
        assert timedelta(days=26) < lasting[1] <= lasting[0] - timedelta(days=3)


async def test_what_was_drawn_longest_ago_is_forgotten() -> None:
    drawn, bucket = chart_pictures.Pictures(kept=2), Buckets(4, 1.0, lambda: 0.0)
    told = {secret: [{**RISING, "title": secret}] for secret in "abc"}
    for secret in "abaca":
        assert await drawn.get(secret, told[secret], bucket, "somebody") == chart_pictures.draw(told[secret])
    assert await drawn.get("b", told["b"], bucket, "somebody") is not None, "the fourth drawing: it was forgotten"
    assert await drawn.get("c", told["c"], bucket, "somebody") is None, "the fifth would be one too many"
