"""What sites outside say about the organization: entered or imported with source and date, context and no more.

Ratings are drawn beside our figures and never mixed with them: nobody knows who wrote there, or how many did not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services.importing import records_of, text_of
from tertulia.storage import audit
from tertulia.storage.database import Tx, upsert
from tertulia.storage.people import Workspace
from tertulia.storage.tables import outside_rating

COLUMNS = ("site", "day", "rating", "largest", "reviews", "link")
NEEDED = COLUMNS[:3]
LARGEST = 5.0


@dataclass(frozen=True, kw_only=True)
class Rating:
    """Hold what a site showed on a day: *rating* of at most *largest*, the mean of so many *reviews*."""

    site: str
    day: date
    rating: float
    largest: float = LARGEST
    reviews: int | None = None
    link: str | None = None


def checked(rating: Rating) -> Rating:
    """Return the rating; raises `Mistake` where it is none."""
    if not rating.site.strip() or len(rating.site) > 60 or not rating.site.isprintable():
        raise Mistake("site is a name of at most 60 characters, like Glassdoor.")
    if not (math.isfinite(rating.largest) and 0 < rating.largest <= 100 and 0 <= rating.rating <= rating.largest):
        raise Mistake("rating lies between 0 and the largest that the site gives (--of, 5 unless said otherwise).")
    if rating.reviews is not None and not 0 < rating.reviews < 10**9:
        raise Mistake("reviews is how many people rated, at least 1.")
    if rating.link is not None and (len(rating.link) > 400 or not rating.link.startswith("https://")):
        raise Mistake("link is where the rating was read, an https address of at most 400 characters.")
    return rating


async def enter(runtime: Runtime, tx: Tx, home: Workspace, ratings: Sequence[Rating], *, actor: str) -> int:
    """Keep ratings, each once for its site and day, a later word over an earlier one; audited."""
    rows = [
        {
            **asdict(checked(one)),
            "site": one.site.strip(),
            "day": one.day.isoformat(),
            "organization_id": home.organization,
            "workspace_id": home.id,
        }
        for one in ratings
    ]
    keys = ("workspace_id", "site", "day")
    await upsert(tx, outside_rating, rows, keys=keys, update=("rating", "largest", "reviews", "link"))
    await audit.record(
        tx,
        runtime.vault,
        organization=home.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb="rating.enter",
        subject=home.id,
        detail={"ratings": len(rows), "sites": sorted({str(row["site"]) for row in rows})},
    )
    return len(rows)


def read(source: str | bytes) -> tuple[list[Rating], list[tuple[int, str]]]:
    """Return the ratings of a CSV file and the rejected lines with reasons; a file that is none raises `Mistake`."""
    records = records_of(text_of(source))
    header = ["_".join(cell.lower().split()) for cell in records[0][1]] if records else []
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or [name for name in NEEDED if header.count(name) != 1]:
        raise Mistake(
            f"The first line names the columns: {', '.join(NEEDED)}, and if known {', '.join(COLUMNS[3:])}."
        )
    found: list[Rating] = []
    rejected: list[tuple[int, str]] = []
    for number, cells in records[1:]:
        given = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
        try:
            found.append(_rating(given))
        except (Mistake, KeyError, ValueError) as error:
            why = str(error) if isinstance(error, Mistake) else "site, day (2026-03-31) and rating must be given."
            rejected.append((number, why))
    return found, rejected


def _rating(given: dict[str, str]) -> Rating:
    return checked(
        Rating(
            site=given["site"],
            day=date.fromisoformat(given["day"]),
            rating=float(given["rating"]),
            largest=float(given.get("largest", LARGEST)),
            reviews=int(given["reviews"]) if "reviews" in given else None,
            link=given.get("link"),
        )
    )


async def series(tx: Tx, organization: Id, workspace: Id) -> list[Rating]:
    """Return all ratings of a workspace by site, the oldest first."""
    query = sa.select(outside_rating).where(
        outside_rating.c.organization_id == organization, outside_rating.c.workspace_id == workspace
    )
    return [
        Rating(
            site=row.site,
            day=date.fromisoformat(row.day),
            rating=row.rating,
            largest=row.largest,
            reviews=row.reviews,
            link=row.link,
        )
        for row in await tx.execute(query.order_by(outside_rating.c.site, outside_rating.c.day))
    ]
