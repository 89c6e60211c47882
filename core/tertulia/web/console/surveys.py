"""Surveys in the console: what runs, in counts of a day; what was published of everybody, over time; what was not.

Each round that ended leads to its own page with every published cell, see `tertulia.web.results`.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tertulia.services import survey_courses
from tertulia.services.survey_courses import Course
from tertulia.web import charts, pages
from tertulia.web.access import register
from tertulia.web.charts import Chart
from tertulia.web.console.rounds import Times
from tertulia.web.console.scope import ABOVE, home_of, zone_of
from tertulia.web.results import RUNNING
from tertulia.web.state import RUNTIME


@dataclass(frozen=True, kw_only=True)
class Row:
    """Hold one item as the table shows it, with its chart where two numbers or more were published."""

    course: Course
    chart: Chart | None


def attach(app: web.Application) -> None:
    """Add the list of surveys."""
    register(app, "GET", ABOVE + "/surveys", listed, RUNNING)


async def listed(request: web.Request) -> web.Response:
    """Show what runs, and each practice's last rounds side by side."""
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        running = await survey_courses.running(tx, home.organization, home.id)
        series = await survey_courses.series(runtime, tx, home.organization, home.id)
        times = Times(await zone_of(request, tx))
    rows = {
        one.practice: {
            instrument: [Row(course=course, chart=charts.course(course.estimates, course.unit)) for course in courses]
            for instrument, courses in one.courses.items()
        }
        for one in series
    }
    return pages.render(
        request, "console/surveys.html", workspace=home, running=running, series=series, rows=rows, times=times
    )
