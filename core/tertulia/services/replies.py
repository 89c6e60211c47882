"""What was answered to a change that came with a key of its own, so that the same change sent again is done once.

The answer is kept in the transaction of the change itself: both are there, or neither.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.runtime import Runtime
from tertulia.services.tokens import Token
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import api_reply

KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Hold a change as it was asked for: the *key* of whoever asks, and all that says what is asked."""

    token: Token
    key: str
    request: bytes

    @property
    def digest(self) -> str:
        """Return a hash of what is asked."""
        return hashlib.sha256(self.request).hexdigest()

    @property
    def row(self) -> str:
        """Return a hash of the key."""
        return hashlib.sha256(self.key.encode(errors="surrogatepass")).hexdigest()


class Reused(Exception):
    """Tell that a key came with another change before."""


async def known(runtime: Runtime, tx: Tx, asked: Asked, now: datetime) -> Json | None:
    """Return what was answered to the same change; `None` for a new one, whose key is held from now on.

    Raises `Reused` where the key belongs to another change. *now* is wall time.
    """
    table = api_reply.c
    mine = (table.organization_id == asked.token.organization, table.token_id == asked.token.id)
    await tx.execute(api_reply.delete().where(*mine, table.at <= now - KEPT))
    row = {"organization_id": asked.token.organization, "token_id": asked.token.id, "key": asked.row}
    new = {**row, "request": asked.digest, "at": now, "sealed": b""}
    # another request with the key waits here until this transaction ends
    if await upsert(tx, api_reply, [new], keys=("token_id", "key")):
        return None
    kept = (await tx.execute(sa.select(api_reply).where(*mine, table.key == asked.row))).one()
    if kept.request != asked.digest:
        raise Reused
    answer: Json = runtime.vault.open_json(kept.sealed, *_place(asked))
    return answer


async def keep(runtime: Runtime, tx: Tx, asked: Asked, answer: Json) -> None:
    """Keep what is answered to a change; in its transaction, at its end."""
    table = api_reply.c
    mine = (table.organization_id == asked.token.organization, table.token_id == asked.token.id)
    sealed = runtime.vault.seal_json(answer, *_place(asked))
    await tx.execute(api_reply.update().where(*mine, table.key == asked.row).values(sealed=sealed))


def sealed_place(organization: Id, token: Id, key: str) -> tuple[str, ...]:
    """Return the associated data of a kept answer."""
    return api_reply.name, organization, token, key


def _place(asked: Asked) -> tuple[str, ...]:
    return sealed_place(asked.token.organization, asked.token.id, asked.row)
