"""The settings of signing in with Microsoft Entra ID: all of them or none, and nothing that lets strangers in."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tertulia.addresses import loopback
from tertulia.errors import Mistake, Unsafe

SETTINGS = {
    "TERTULIA_ENTRA_CLIENT_ID": "application (client) id with which people sign in with Microsoft Entra ID",
    "TERTULIA_ENTRA_SECRET_FILE": "file of that application's client secret, mode 600; read at each sign-in",
    "TERTULIA_ENTRA_TENANTS": "directory (tenant) ids that may sign in, separated by commas; TENANT=ORGANIZATION "
    "where there are several organizations",
    "TERTULIA_ENTRA_AUTHORITY": "another cloud's address (default https://login.microsoftonline.com), or the "
    "address of a stand-in, in the sandbox",
}
CLIENT, SECRET, TENANTS, AUTHORITY = SETTINGS
WORLDWIDE = "https://login.microsoftonline.com"
CLOUDS = (WORLDWIDE, "https://login.microsoftonline.us", "https://login.partner.microsoftonline.cn")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal Microsoft accounts."""
SHORTEST, LARGEST = 16, 1000


@dataclass(frozen=True, kw_only=True)
class EntraSettings:
    """Hold what the operator set; *tenants* leads from a tenant to an organization's name or id, empty: the only one.

    *authority* is where Entra is, without a slash at its end.
    """

    client_id: str
    secret_file: Path
    tenants: Mapping[str, str]
    authority: str = WORLDWIDE

    @property
    def audience(self) -> str:
        """Return what the authority calls who may sign in: the one tenant, or those of any organization."""
        return next(iter(self.tenants)) if len(self.tenants) == 1 else "organizations"

    def issuer(self, tenant: str) -> str:
        """Return who issues the tokens of a tenant."""
        return f"{self.authority}/{tenant}/v2.0"


def read(values: Mapping[str, str], *, sandbox: bool) -> EntraSettings | None:
    """Return the settings, or `None` where none is set; raises `Mistake` or `Unsafe`, which name the cure."""
    if not any(values[name] for name in SETTINGS):
        return None
    for name in (CLIENT, SECRET, TENANTS):
        if not values[name]:
            raise Unsafe(f"{name} is not set, but other settings of Entra are; set it as well, or unset the others.")
    client = values[CLIENT].lower()
    if not GUID.fullmatch(client):
        raise Mistake(f"{CLIENT} is no GUID; copy the application (client) id of the app registration's overview.")
    return EntraSettings(
        client_id=client,
        secret_file=Path(values[SECRET]).absolute(),
        tenants=_tenants(values[TENANTS]),
        authority=_authority(values[AUTHORITY].rstrip("/"), sandbox),
    )


def secret(settings: EntraSettings) -> str:
    """Read the client secret; raises `Unsafe` where its file is missing, open to others, or holds none."""
    path = settings.secret_file
    try:
        with path.open("rb") as file:
            shared = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Unsafe(
            f"{SECRET} names {path}, which cannot be read ({error.strerror}); write the secret there."
        ) from None
    if shared:
        raise Unsafe(f"{SECRET} names {path}, which others may read; run `chmod 600 {path}`.")
    text = content.decode("ascii", errors="replace").strip()
    if GUID.fullmatch(text.lower()):
        raise Unsafe(f"{SECRET} names {path}, which holds the id of a secret; write the secret's value there.")
    if not SHORTEST <= len(text) <= LARGEST or not text.isprintable() or not text.isascii():
        raise Unsafe(f"{SECRET} names {path}, which holds no client secret; write the secret's value there, alone.")
    return text


def _tenants(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, organization = (piece.strip() for piece in part.partition("="))
        tenant = name.lower()
        if not GUID.fullmatch(tenant):
            raise Unsafe(
                f"{TENANTS} names {name[:40]!r}, which is no directory (tenant) id; list the ids of your own tenants."
            )
        if tenant == CONSUMERS:
            raise Unsafe(f"{TENANTS} names the tenant of all personal accounts; list the ids of your own tenants.")
        if tenant in found:
            raise Mistake(f"{TENANTS} names {tenant} twice; name each tenant once.")
        if equals and not organization:
            raise Mistake(f"{TENANTS} names no organization after {tenant}=; write its name or id there.")
        found[tenant] = organization
    if not found:
        raise Unsafe(f"{TENANTS} names no tenant; list the directory (tenant) ids that may sign in.")
    if len(found) > 1 and not all(found.values()) and any(found.values()):
        raise Mistake(f"{TENANTS} names an organization for some tenants only; write TENANT=ORGANIZATION for each.")
    return found


def _authority(text: str, sandbox: bool) -> str:
    if not sandbox:
        if text and text not in CLOUDS:
            raise Unsafe(f"{AUTHORITY} is {text!r}; unset it, or name one of {', '.join(CLOUDS)}.")
        return text or WORLDWIDE
    try:
        url = urlsplit(text)
        here = url.scheme in ("http", "https") and loopback(url.hostname or "") and not url.path and not url.query
    except ValueError:
        here = False
    if not here:
        raise Unsafe(f"{AUTHORITY} is {text!r}; the sandbox signs in with a stand-in on this machine only: name it.")
    return text
