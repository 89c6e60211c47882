"""The address of a chart for a card in a channel: sealed, good for a month, and for one workspace's figures only.

Platforms fetch pictures themselves, without anybody's session. So the figures stand in the address, sealed: what it
shows is what the card was made of, nothing else is read to draw it, and nobody can ask for other figures.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Refused
from tertulia.runtime import Runtime

PLACE = ("card picture",)
LASTS = timedelta(days=30)
PATH = "/charts/"
ENDING = ".png"


def address(runtime: Runtime, organization: Id, workspace: Id, charts: list[Json]) -> str:
    """Return where *charts*, published figures of a workspace, are drawn; by real time, as all signatures."""
    until = (datetime.now(UTC) + LASTS).timestamp()
    said = {"of": [organization, workspace], "until": int(until), "charts": charts}
    return f"{runtime.config.public_url}{PATH}{runtime.vault.token(said, *PLACE)}{ENDING}"


def opened(runtime: Runtime, token: str, now: datetime) -> tuple[list[Json], int]:
    """Return the charts of a token and how many seconds it lasts; raises `Refused` with 404 where it is not ours."""
    try:
        said = runtime.vault.open_token(token, *PLACE)
    except Refused as refusal:
        raise Refused("no such picture", 404) from refusal
    left = int(said["until"] - now.timestamp())
    if left < 0:
        raise Refused("the picture's address has expired", 404)
    charts: list[Json] = said["charts"]
    return charts, left
