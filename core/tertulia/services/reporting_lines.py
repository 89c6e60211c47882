"""Say who leads whom, as an import file states it: a person's manager, by e-mail address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert


async def by_person(tx: Tx, organization: Id, persons: Iterable[Id]) -> dict[Id, str]:
    """Return the manager's address of each of *persons* who has one."""
    line, person = tables.reporting_line, tables.person
    found: dict[Id, str] = {}
    for some in people.chunks(list(persons)):
        query = (
            sa.select(line.c.person_id, person.c.email)
            .join(person, person.c.id == line.c.manager_id)
            .where(line.c.organization_id == organization, line.c.person_id.in_(some))
        )
        found.update({row.person_id: row.email or "" for row in await tx.execute(query)})
    return found


async def keep(tx: Tx, organization: Id, managers: Mapping[Id, str]) -> None:
    """Keep who leads each person; the addresses must be known by now, others are passed over."""
    known: dict[str, Id] = {}
    person = tables.person
    for some in people.chunks(sorted(set(managers.values()))):
        query = sa.select(person.c.email, person.c.id).where(
            person.c.organization_id == organization, person.c.email.in_(some)
        )
        known.update({row.email: row.id for row in await tx.execute(query)})
    rows = [
        {"organization_id": organization, "person_id": led, "manager_id": known[address]}
        for led, address in managers.items()
        if address in known
    ]
    for chunk in people.chunks(rows):
        await upsert(tx, tables.reporting_line, chunk, keys=["person_id"], update=["manager_id"])
