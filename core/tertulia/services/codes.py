"""Issue and redeem one-time codes. They live by real time: a driven clock must not age them."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.storage import tables
from tertulia.storage.database import Tx

LIFETIME = timedelta(minutes=10)
ATTEMPTS = 5
PER_HOUR = 5
USED = 99
"""The number of attempts that marks a code as redeemed or replaced; its row still counts for the hour's limit."""
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the look-alikes 0, O, 1 and I."""


async def issue(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, purpose: str, *, now: datetime | None = None
) -> str:
    """Return a new code, valid for ten minutes; older ones of the same purpose stop working.

    Eight digits; for the purpose `link` twelve letters and digits in groups of four, because a link code is looked
    up without knowing the person and must not be found by trying. The caller sends it on a verified channel.
    """
    now = now or datetime.now(UTC)
    await _admit(tx, organization, person, now)
    table = tables.code
    mine = (table.c.organization_id == organization, table.c.person_id == person, table.c.purpose == purpose)
    await tx.execute(table.update().where(*mine).values(attempts=USED))
    code = _letters(runtime) if purpose == "link" else _digits(runtime)
    await tx.execute(
        table.insert().values(
            organization_id=organization,
            id=runtime.new_id(),
            person_id=person,
            purpose=purpose,
            digest=_digest(runtime, organization, person, purpose, code),
            attempts=0,
            expires_at=now + LIFETIME,
        )
    )
    return code


async def redeem(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, purpose: str, code: str, *, now: datetime | None = None
) -> bool:
    """Tell whether *code* is the person's code, and use it up.

    The caller commits after `False` too: the attempt is counted in this transaction.
    """
    table = tables.code
    mine = (
        table.c.organization_id == organization,
        table.c.person_id == person,
        table.c.purpose == purpose,
        table.c.attempts < ATTEMPTS,
        table.c.expires_at > (now or datetime.now(UTC)),
    )
    # the attempt is taken before the comparison, so that parallel guesses share the five
    taken = table.update().where(*mine).values(attempts=table.c.attempts + 1).returning(table.c.id, table.c.digest)
    row = (await tx.execute(taken)).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, _digest(runtime, organization, person, purpose, code)):
        return False
    await tx.execute(table.update().where(table.c.id == row.id).values(attempts=USED))
    return True


async def claim(runtime: Runtime, tx: Tx, organization: Id, code: str, *, now: datetime | None = None) -> Id | None:
    """Return the person who asked for the link code *code*, and use it up; `None` for any other text."""
    table = tables.code
    valid = (
        table.c.organization_id == organization,
        table.c.purpose == "link",
        table.c.digest == _digest(runtime, organization, "", "link", code),
        table.c.attempts < ATTEMPTS,
        table.c.expires_at > (now or datetime.now(UTC)),
    )
    taken = table.update().where(*valid).values(attempts=USED).returning(table.c.person_id)
    person: Id | None = (await tx.execute(taken)).scalar_one_or_none()
    return person


async def _admit(tx: Tx, organization: Id, person: Id, now: datetime) -> None:
    one = sa.select(tables.person.c.erased_at).filter_by(organization_id=organization, id=person).with_for_update()
    found = (await tx.execute(one)).one_or_none()
    if found is None or found.erased_at is not None:
        raise Mistake("There is no such person in this organization; a code needs one.")
    table = tables.code
    mine = (table.c.organization_id == organization, table.c.person_id == person)
    hour_ago = now + LIFETIME - timedelta(hours=1)
    await tx.execute(table.delete().where(*mine, table.c.expires_at <= hour_ago))
    sent = (*mine, table.c.purpose != "page")  # links to the page are made by the person, not sent
    issued = (await tx.execute(sa.select(sa.func.count()).select_from(table).where(*sent))).scalar_one()
    if issued >= PER_HOUR:
        raise Refused("Five codes were sent within an hour; wait a while before asking for another.", 429)


def _digits(runtime: Runtime) -> str:
    return f"{int.from_bytes(runtime.entropy(16), 'big') % 10**8:08}"


def _letters(runtime: Runtime) -> str:
    drawn = "".join(LETTERS[byte % len(LETTERS)] for byte in runtime.entropy(12))
    return "-".join((drawn[:4], drawn[4:8], drawn[8:]))


def _digest(runtime: Runtime, organization: Id, person: Id, purpose: str, code: str) -> str:
    tidy = "".join(code.upper().split()).replace("-", "")[:40]
    owner = "" if purpose == "link" else person
    return runtime.vault.keyed_hash(f"{organization} {purpose} {owner} {tidy}", "code")
