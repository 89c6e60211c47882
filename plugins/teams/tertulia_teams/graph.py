"""Ask Microsoft Graph, with the app's own permissions: installation, users, attendance.

Everything asked here may be asked again, so a call of unknown outcome is simply one to repeat.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote, urlencode

from tertulia import Context, Json, OperatorError, OutcomeUnknown, RetryLater, Unreachable
from tertulia_teams.config import Settings
from tertulia_teams.exchange import Exchanged, exchange
from tertulia_teams.limits import Rates
from tertulia_teams.tokens import Tokens

ATTENDANCE = "OnlineMeetingArtifact.Read.All and an application access policy"
USER = (
    "id",
    "displayName",
    "mail",
    "userType",
    "employeeType",
    "accountEnabled",
    "department",
    "officeLocation",
    "preferredLanguage",
)
"""What is read of an account, and nothing else."""


class Graph:
    """Call Graph's v1.0 endpoints; paging and errors are dealt with here."""

    def __init__(self, context: Context, tokens: Tokens, rates: Rates):
        self._context, self._tokens, self._rates = context, tokens, rates
        self._settings: Settings = context.settings
        self._endpoints = self._settings.endpoints
        self._catalog: str | None = None

    async def install(self, user: str) -> None:
        """Install the app for a person; one who has it keeps it."""
        app = await self.catalog_id()
        bound = {"teamsApp@odata.bind": f"{self._endpoints.graph}/appCatalogs/teamsApps/{app}"}
        await self._rates.install()
        path = f"/users/{quote(user, safe='')}/teamwork/installedApps"
        answer = await self._call("POST", path, bound)
        if answer.status == 404:
            raise Unreachable("there is no such account in the tenant")
        if answer.status == 403 and self._settings.cloud in {"gcc-high", "dod", "china"}:
            raise Unreachable("in this cloud an app cannot be installed for somebody else")
        if answer.status != 409:
            self._checked(answer, "TeamsAppInstallation.ReadWriteSelfForUser.All")

    async def catalog_id(self) -> str:
        """Return what the tenant's app catalog calls our app."""
        if self._catalog is None:
            query = {"$filter": f"externalId eq '{self._settings.manifest_id}'", "$select": "id,externalId"}
            answer = await self._call("GET", "/appCatalogs/teamsApps?" + urlencode(query, quote_via=quote))
            found = self._checked(answer, "AppCatalog.Read.All").get("value") or ()
            if not found:
                raise OperatorError(
                    "the app is not in the tenant's catalog: upload the package in Teams admin center"
                )
            self._catalog = str(found[0]["id"])
        return self._catalog

    async def users(self, cursor: str | None) -> AsyncGenerator[tuple[list[Json], str], None]:
        """Yield pages of accounts that are new or have changed since *cursor*, each with the cursor behind it."""
        path = cursor or f"/users/delta?$select={','.join(USER)}"
        while True:
            page = await self._call("GET", path)
            if page.status == 410:  # the cursor is too old
                path = f"/users/delta?$select={','.join(USER)}"
                continue
            found = self._checked(page, "User.Read.All")
            following, last = found.get("@odata.nextLink"), found.get("@odata.deltaLink")
            path = self._path(str(following or last or ""))
            yield [item for item in found.get("value") or () if isinstance(item, dict)], path
            if not following:
                return

    async def group(self, identifier: str) -> frozenset[str]:
        """Return who is in a group, and in the groups in it, by AAD object id."""
        path = f"/groups/{quote(identifier, safe='')}/transitiveMembers?$select=id&$top=999"
        found = await self._all(path, "GroupMember.Read.All")
        if found is None:
            raise OperatorError(
                "a group is not in the tenant: check employees_group, freelancers_group, contractors_group"
            )
        return frozenset(str(one["id"]).lower() for one in found if one.get("id"))

    async def online_meeting(self, organizer: str, join_url: str) -> str | None:
        """Return the id of an organizer's meeting; `None` where it is gone."""
        literal = join_url.replace("'", "''")
        query = urlencode({"$filter": f"JoinWebUrl eq '{literal}'"}, quote_via=quote)
        answer = await self._call("GET", f"/users/{quote(organizer, safe='')}/onlineMeetings?{query}")
        if answer.status == 404:
            return None
        found = self._checked(answer, "OnlineMeetings.Read.All").get("value") or ()
        return str(found[0]["id"]) if found else None

    async def attendance(self, organizer: str, meeting: str) -> list[tuple[Json, list[Json]]]:
        """Return a meeting's attendance reports, each with its records."""
        base = f"/users/{quote(organizer, safe='')}/onlineMeetings/{quote(meeting, safe='')}/attendanceReports"
        found = []
        for report in await self._all(base, ATTENDANCE) or ():
            records = await self._all(f"{base}/{quote(str(report['id']), safe='')}/attendanceRecords", ATTENDANCE)
            found.append((report, records or []))
        return found

    async def _all(self, path: str, permission: str) -> list[Json] | None:
        """Return all pages, `None` where what is asked for is not there."""
        items: list[Json] = []
        while path:
            answer = await self._call("GET", path)
            if answer.status == 404:
                return items or None
            page = self._checked(answer, permission)
            items += [item for item in page.get("value") or () if isinstance(item, dict)]
            following = page.get("@odata.nextLink")
            path = self._path(str(following)) if following else ""
        return items

    def _path(self, link: str) -> str:
        """Return a link of Graph's as a path, so that a stored cursor cannot lead elsewhere."""
        if not link.startswith(f"{self._endpoints.graph}/"):
            raise RetryLater("Graph's link leads elsewhere")
        return link[len(self._endpoints.graph) :]

    async def _call(self, method: str, path: str, body: Json | None = None) -> Exchanged:
        token = await self._tokens.get(self._endpoints.graph_scope)
        raw = None if body is None else json.dumps(body).encode()
        url = self._endpoints.graph + path
        try:
            answer = await exchange(
                self._context.http, method, url, token=token, seconds=self._settings.timeout, body=raw
            )
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None
        if answer.status == 401:
            self._tokens.forget(self._endpoints.graph_scope)
            raise OperatorError("Graph refuses the app's token: check app_id, app_secret and tenant_id")
        if answer.status == 429 or answer.status >= 500 or answer.status in {408, 412}:
            raise RetryLater(f"Graph answered {answer.status}", answer.after)
        return answer

    def _checked(self, answer: Exchanged, permission: str) -> dict[str, Any]:
        if answer.status == 403:
            raise OperatorError(f"Graph refuses: an admin must consent to the application permission {permission}")
        if not 200 <= answer.status < 300:
            raise OperatorError(f"Graph answered {answer.status}: check tenant_id, and the permission {permission}")
        try:
            return answer.json()
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None
