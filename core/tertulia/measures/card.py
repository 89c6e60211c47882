"""A short card about the overview for a channel: what changed, what did not, and where the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Draft, Media
from tertulia.measures import wording
from tertulia.measures.overview import Standing
from tertulia.surveys.scoring import Estimate

RECORDED = "Published figures of groups; nobody's own answers or activity are in them."
NOTHING = "Nothing has clearly changed."
DRAWN, QUARTERS = 3, 6
"""So many parts of the overview are drawn, what changed first, each over so many quarters."""


def content(standings: Sequence[Standing], day: date, link: str) -> Json:
    """Return what a card says, as JSON: it is kept with the round that shows it."""
    told = [one for one in standings if one.status in ("improved", "worsened")]
    same = [one.component.title for one in standings if one.status == "no clear change"]
    unknown = [one.component.title for one in standings if one.now is None]
    notes = [f"No clear change: {', '.join(same)}."] if same else []
    return {
        "day": day.isoformat(),
        "changed": [f"{one.component.title}: {wording.now(one)}; {wording.change(one)}" for one in told],
        "notes": [*notes, *([f"Not told: {', '.join(unknown)}."] if unknown else [])],
        "link": link,
        "charts": charts(standings),
    }


def charts(standings: Sequence[Standing]) -> list[Json]:
    """Return what is drawn, the same published figures as on the page: value, least and most of each quarter."""
    drawn = [one for one in standings if one.now is not None and len(one.series) > 1]
    drawn.sort(key=lambda one: one.status not in ("improved", "worsened"))
    return [
        {
            "title": one.component.title,
            "now": wording.now(one),
            "shown": one.component.shown,
            "series": [_figure(estimate) for _, estimate in one.series[-QUARTERS:]],
            "baseline": _figure(one.baseline) if one.baseline else None,
            "words": _words(one),
        }
        for one in drawn[:DRAWN]
    ]


def _figure(one: Estimate) -> list[float]:
    return [round(one.value, 2), round(one.low, 2), round(one.high, 2)]


def _words(one: Standing) -> str:
    """Say what a chart shows, for whoever does not see it: the quarters of its table."""
    said = (f"{quarter} {one.component.words(estimate.value)}" for quarter, estimate in one.series[-QUARTERS:])
    return f"{one.component.title}: {', '.join(said)}."


def draft(said: Json) -> Draft:
    """Show what a card says."""
    changed: Sequence[str] = said.get("changed", ())
    body = Markup.bullets(changed) if changed else Markup.literal(NOTHING)
    for note in said.get("notes", ()):
        body += Markup.literal(note)
    if said.get("link"):
        body += Markup.parse(f"[The whole overview]({said['link']})")
    day = f", {said['day']}" if said.get("day") else ""
    return Draft(title=f"How we are doing{day}", body=body, recorded=RECORDED, media=_media(said))


def _media(said: Json) -> tuple[Media, ...]:
    """Show the charts as one picture, where the card was given its address; its words tell the same figures."""
    if not said.get("picture"):
        return ()
    return (Media(url=said["picture"], kind="image", alt=" ".join(one["words"] for one in said["charts"])),)
