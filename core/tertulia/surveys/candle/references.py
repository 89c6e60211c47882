"""Names for candles that people can say on the telephone and that tell nothing."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Entropy, Id
from tertulia.storage import tables
from tertulia.storage.database import Tx

FIRST = (
    *("amber", "ample", "azure", "birch", "brisk", "broad", "calm", "cedar", "clear", "coral", "crisp", "early"),
    *("fern", "frank", "fresh", "green", "hazel", "ivory", "keen", "lilac", "linen", "lucid", "maple", "mild"),
    *("olive", "pearl", "plain", "quiet", "round", "silver", "south", "warm"),
)
SECOND = (
    *("acorn", "arch", "basin", "beach", "bell", "bench", "bridge", "brook", "canal", "cliff", "cloud", "field"),
    *("garden", "harbor", "hill", "island", "lake", "lamp", "meadow", "orchard", "path", "pond", "river", "road"),
    *("shore", "spring", "stone", "tower", "valley", "village", "well", "wood"),
)


def draw(entropy: Entropy) -> str:
    """Draw a name like `amber-river-042`."""
    first, second, *number = entropy(4)
    return f"{FIRST[first % 32]}-{SECOND[second % 32]}-{int.from_bytes(number) % 1000:03}"


async def free(entropy: Entropy, tx: Tx, organization: Id) -> str:
    """Draw a name that no candle of an organization has."""
    table = tables.candle
    while True:
        drawn = draw(entropy)
        query = sa.select(table.c.id).filter_by(organization_id=organization, reference=drawn)
        if (await tx.execute(query)).first() is None:
            return drawn
