"""The sandbox's stand-in for Entra: whoever has an account in a directory like Entra's signs in with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from tertulia.domain.identifiers import Json
from tertulia.entra_settings import GUID, EntraSettings
from tertulia.runtime import Runtime
from tertulia.storage import tables
from tertulia.testing.entra import EntraAccount, StandInEntra
from tertulia.web.entra import BACK

CLIENT = "00000000-0000-4000-8000-00007e274012"
TENANT = "tenant_id"
"""What a plugin calls the directory among its settings."""
SHOWN = 200


async def open_entra(runtime: Runtime, settings: Mapping[str, Json]) -> StandInEntra | None:
    """Start a stand-in for the tenants that plugins' *settings* name, and let the service use it; `None` without any.

    The web application must be built afterwards. Accounts are those that the platforms' directories told of.
    """
    named = {str(one[TENANT]).lower() for one in settings.values() if TENANT in one}
    tenants = sorted(one for one in named if GUID.fullmatch(one))
    if not tenants:
        return None
    secret = runtime.entropy(24).hex()
    path = runtime.config.keys_file.with_name("entra-secret")
    path.touch(mode=0o600)
    path.write_text(secret)

    async def accounts(tenant: str) -> Sequence[EntraAccount]:
        return await _known(runtime, tenant)

    entra = StandInEntra(
        accounts,
        tenants=tenants,
        client_id=CLIENT,
        client_secret=secret,
        redirect=runtime.config.public_url + BACK,
    )
    authority = await entra.start()
    chosen = EntraSettings(
        client_id=CLIENT, secret_file=path, tenants=dict.fromkeys(tenants, ""), authority=authority
    )
    runtime.config = replace(runtime.config, entra=chosen)
    return entra


async def _known(runtime: Runtime, tenant: str) -> list[EntraAccount]:
    """Return the accounts that belong to somebody, those with roles first."""
    account, person, role = tables.identity.c, tables.person.c, tables.role.c
    runs = sa.exists().where(role.organization_id == account.organization_id, role.person_id == account.person_id)
    query = (
        sa.select(account.user, person.name, person.email)
        .join(tables.person, (person.id == account.person_id) & (person.organization_id == account.organization_id))
        .where(account.realm == tenant, person.email.is_not(None), person.erased_at.is_(None))
        .distinct()
        .add_columns(runs.label("runs"))
        .order_by(sa.desc("runs"), person.name)
        .limit(SHOWN)
    )
    async with runtime.database.read() as tx:
        rows = (await tx.execute(query)).all()
    return [EntraAccount(user=row.user, name=row.name, email=row.email) for row in rows if GUID.fullmatch(row.user)]
