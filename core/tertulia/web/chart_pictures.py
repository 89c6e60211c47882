"""Charts as pictures, for cards that show no SVG: the same places on a canvas as on the page, drawn with Pillow.

The picture keeps its light ground in a dark theme, so that its colours always stand on what they were chosen for. The
letters come with Pillow, whatever fonts a machine has.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence

from aiohttp import web
from PIL import Image, ImageDraw, ImageFont

from tertulia.domain.identifiers import Json
from tertulia.extension import Access
from tertulia.services import card_pictures
from tertulia.surveys.scoring import Estimate
from tertulia.web import access, charts
from tertulia.web.buckets import Buckets
from tertulia.web.charts import Chart
from tertulia.web.edge import failure
from tertulia.web.state import RUNTIME, WALL, peer

SCALE = 2
"""Pixels for a unit of the canvas: screens are fine."""
SMOOTH = 2
"""Lines are drawn larger by this and reduced, which leaves no steps."""
WIDE, MARGIN, TITLE, LETTERS = 480, 16, 30, 15
GROUND, TEXT, QUIET = "#ffffff", "#1b2127", "#55606b"
LINE, ACCENT, BAND = "#8a949e", "#1f5f8b", "#e8f1f8"
"""The light colours of the style sheet."""
OPEN = Access(kind="verified", why="a sealed address that expires; it holds the published figures that it shows")
KEPT = 250
"""So many pictures are kept in memory, of some ten kilobytes each."""
MOST, SECONDS = 120, 60.0
"""So many pictures are drawn for one address of the network in so many seconds: a tenth of a second each."""


class Pictures:
    """Keep what was drawn last by the digest of its address, and draw one picture at a time in a thread."""

    def __init__(self, kept: int = KEPT):
        self._kept, self._drawing = kept, asyncio.Lock()
        self._drawn: OrderedDict[bytes, bytes] = OrderedDict()

    async def get(self, secret: str, told: Sequence[Json], drawings: Buckets, who: str) -> bytes | None:
        """Return the picture of *secret*; `None` where it has to be drawn, and *who* had too many drawn."""
        key = hashlib.sha256(secret.encode()).digest()
        if key not in self._drawn:
            async with self._drawing:
                # whoever waited for the same picture finds it drawn
                if key not in self._drawn:
                    if not drawings.take(who):
                        return None
                    self._drawn[key] = await asyncio.to_thread(draw, told)
                    if len(self._drawn) > self._kept:
                        self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]


PICTURES = web.AppKey("pictures", Pictures)
DRAWINGS = web.AppKey("drawings", Buckets)
"""How much may be drawn for each address of the network; what is drawn already costs nothing."""


def attach(app: web.Application) -> None:
    """Serve the pictures."""
    app[PICTURES], app[DRAWINGS] = Pictures(), Buckets(MOST, SECONDS)
    access.register(app, "GET", f"{card_pictures.PATH}{{secret}}{card_pictures.ENDING}", picture, OPEN)


async def picture(request: web.Request) -> web.Response:
    """Draw what the address says; whoever shows it keeps it as long as the address lasts."""
    secret = request.match_info["secret"]
    told, left = card_pictures.opened(request.app[RUNTIME], secret, request.app[WALL].now())
    content = await request.app[PICTURES].get(secret, told, request.app[DRAWINGS], peer(request))
    if content is None:
        return failure(request, 429)
    kept = {"Cache-Control": f"private, max-age={left}, immutable"}
    return web.Response(body=content, content_type="image/png", headers=kept)


def draw(told: Sequence[Json]) -> bytes:
    """Draw charts one below the other, each under its title and its present figure; returns a PNG."""
    rows = [(one, chart) for one in told if (chart := chart_of(one)) is not None]
    factor = (WIDE - 2 * MARGIN) / charts.WIDTH
    deep = TITLE + round(charts.HEIGHT * factor) + MARGIN
    whole = Image.new("RGB", (WIDE * SCALE * SMOOTH, (MARGIN + deep * max(1, len(rows))) * SCALE * SMOOTH), GROUND)
    canvas = ImageDraw.Draw(whole)
    for number, (_, chart) in enumerate(rows):
        _chart(canvas, chart, MARGIN, MARGIN + number * deep + TITLE, factor)
    drawn = whole.resize((whole.width // SMOOTH, whole.height // SMOOTH), Image.Resampling.LANCZOS)
    written = ImageDraw.Draw(drawn)
    for number, (one, _) in enumerate(rows):
        _words(written, one, MARGIN + number * deep)
    file = io.BytesIO()
    drawn.quantize(64).save(file, "PNG", optimize=True)
    return file.getvalue()


def chart_of(one: Json) -> Chart | None:
    """Return the chart of what a card says of one part of the overview."""
    base, (low, high) = one.get("baseline"), charts.LIMITS[one["shown"]]
    return charts.over([_estimate(each) for each in one["series"]], _estimate(base) if base else None, (low, high))


def _estimate(figure: Sequence[float]) -> Estimate:
    value, low, high = figure
    return Estimate(value=value, low=low, high=high, n=0)


def _chart(canvas: ImageDraw.ImageDraw, chart: Chart, left: float, top: float, factor: float) -> None:
    size = SCALE * SMOOTH

    def at(x: float, y: float) -> tuple[float, float]:
        return (left + x * factor) * size, (top + y * factor) * size

    if chart.band is not None:
        canvas.rectangle((at(0, chart.band[0]), at(chart.width, sum(chart.band))), fill=BAND)
    if chart.middle is not None:
        canvas.line((at(0, chart.middle), at(chart.width, chart.middle)), fill=LINE, width=size)
    for mark in chart.marks:
        canvas.line((at(mark.x, mark.top), at(mark.x, mark.bottom)), fill=LINE, width=2 * size)
    points = [at(mark.x, mark.y) for mark in chart.marks]
    canvas.line(points, fill=ACCENT, width=3 * size, joint="curve")
    for number, point in enumerate(points, start=1):
        canvas.circle(point, (7 if number == len(points) else 4) * size, fill=ACCENT)


def _words(canvas: ImageDraw.ImageDraw, one: Json, top: float) -> None:
    font = ImageFont.load_default(LETTERS * SCALE)
    now = str(one["now"])
    canvas.text((MARGIN * SCALE, top * SCALE), str(one["title"]), fill=TEXT, font=font)
    right = (WIDE - MARGIN) * SCALE - canvas.textlength(now, font=font)
    canvas.text((right, top * SCALE), now, fill=QUIET, font=font)
