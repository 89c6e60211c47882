"""Find what keeps people from signing in with Entra, and say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, TypeAlias

from tertulia import entra_settings
from tertulia.config import Config
from tertulia.entra_settings import SECRET, TENANTS, EntraSettings
from tertulia.errors import Unsafe
from tertulia.openid.keys import NoKeys
from tertulia.services.entra import accounts
from tertulia.services.entra.provider import Provider
from tertulia.services.entra.reasons import NotSignedIn
from tertulia.storage import people
from tertulia.storage.database import Tx

Told: TypeAlias = tuple[Literal["ok", "note", "fault"], str]


async def of_provider(config: Config, settings: EntraSettings) -> AsyncIterator[Told]:
    """Yield what is wrong between us and Entra: the secret, the address, the keys, and whether it knows us."""
    try:
        entra_settings.secret(settings)
    except Unsafe as unsafe:
        yield "fault", str(unsafe)
        return
    provider = Provider(settings, sandbox=config.sandbox)
    try:
        yield await _keys(provider, settings)
        yield await _known_there(provider)
    finally:
        await provider.close()


async def of_people(tx: Tx, settings: EntraSettings) -> AsyncIterator[Told]:
    """Yield for each tenant whether it has an organization, and whether anybody's account is known there."""
    known = await people.organizations(tx)
    for tenant in settings.tenants:
        organization = await accounts.organization_of(tx, settings, tenant)
        if organization is None:
            cure = "write TENANT=ORGANIZATION with the name or id of one that `tertulia people organizations` lists."
            yield "fault", f"{TENANTS} gives {tenant} no organization that exists ({len(known)} do); {cure}"
            continue
        count = await accounts.known(tx, organization, tenant)
        if count:
            yield "ok", f"{count} people can sign in with an account of {tenant}."
        else:
            cure = (
                "let a plugin's directory of that tenant be read, or let people connect their account on their page."
            )
            yield "note", f"Nobody's account of {tenant} is known, so nobody signs in with one; {cure}"


async def _keys(provider: Provider, settings: EntraSettings) -> Told:
    try:
        await provider.keys.find("")
    except NoKeys:
        return "fault", f"No signing keys can be read at {provider.metadata}; let the service reach it over https."
    return "ok", f"Entra's signing keys are read at {settings.authority}."


async def _known_there(provider: Provider) -> Told:
    try:
        await provider.own_token()
    except NotSignedIn as refusal:
        if refusal.reason == "unavailable":
            return "fault", f"Entra gives no answer that can be used ({refusal.detail}); try again in a minute."
        cure = f"make a new client secret in the app registration and write its value into the file of {SECRET}."
        return "fault", f"Entra does not accept our id and secret ({refusal.detail}); {cure}"
    return "ok", "Entra accepts the application's id and secret."
