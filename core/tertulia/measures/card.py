"""A short card about the overview for a channel: what changed, what did not, and where the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Draft
from tertulia.measures import wording
from tertulia.measures.overview import Standing

RECORDED = "Published figures of groups; nobody's own answers or activity are in them."
NOTHING = "Nothing has clearly changed."


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
    }


def draft(said: Json) -> Draft:
    """Show what a card says."""
    changed: Sequence[str] = said.get("changed", ())
    body = Markup.bullets(changed) if changed else Markup.literal(NOTHING)
    for note in said.get("notes", ()):
        body += Markup.literal(note)
    if said.get("link"):
        body += Markup.parse(f"[The whole overview]({said['link']})")
    day = f", {said['day']}" if said.get("day") else ""
    return Draft(title=f"How we are doing{day}", body=body, recorded=RECORDED)
