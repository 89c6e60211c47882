"""Graph's part of the stand-in: the app catalog, installation, users with a feed of changes, attendance."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from tertulia_teams.stand_in.connector_api import Refusal
from tertulia_teams.stand_in.tenant import Meeting, Person, Tenant

PAGE = 100
FILTER = re.compile(r"(\w+) eq '((?:[^']|'')*)'")


class GraphApi:
    """Serve Graph's paths below `/graph/v1.0`; *installed* is told whose app was installed."""

    def __init__(self, tenant: Tenant, url: str, installed: Callable[[Person], Awaitable[None]]):
        self._tenant, self._url, self._installed = tenant, f"{url}/graph/v1.0", installed

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        user, meetings = "/graph/v1.0/users/{user}", "/graph/v1.0/users/{user}/onlineMeetings"
        reports = meetings + "/{meeting}/attendanceReports"
        return [
            web.get("/graph/v1.0/appCatalogs/teamsApps", self.apps),
            web.get("/graph/v1.0/users/delta", self.delta),
            web.get("/graph/v1.0/groups/{group}/transitiveMembers", self.group),
            web.get(user + "/teamwork/installedApps", self.installations),
            web.post(user + "/teamwork/installedApps", self.install),
            web.get(meetings, self.meetings),
            web.get(reports, self.reports),
            web.get(reports + "/{report}/attendanceRecords", self.records),
        ]

    async def apps(self, request: web.Request) -> web.Response:
        """Return our app where the package was uploaded."""
        wanted = FILTER.fullmatch(request.query.get("$filter", ""))
        if wanted is None or wanted[1] != "externalId":
            raise Refusal(400, "BadRequest")
        known = self._tenant.catalog is not None and wanted[2] == self._tenant.app
        return _values([{"id": self._tenant.catalog, "externalId": self._tenant.app}] if known else [])

    async def delta(self, request: web.Request) -> web.Response:
        """Return accounts that came or changed behind a token, which is a position in the list of changes."""
        token = request.query.get("$skiptoken") or request.query.get("$deltatoken") or "0"
        start, changes = int(token), self._tenant.changes
        part = changes[start : start + PAGE]
        users = [self._tenant.people[one].user() for one in dict.fromkeys(part)]
        behind = start + len(part)
        more = behind < len(changes)
        link = f"{self._url}/users/delta?{'$skiptoken' if more else '$deltatoken'}={behind}"
        return _values(users, **{"@odata.nextLink" if more else "@odata.deltaLink": link})

    async def group(self, request: web.Request) -> web.Response:
        """Return who is in a group, page by page."""
        inside = self._tenant.groups.get(request.match_info["group"])
        if inside is None:
            raise Refusal(404, "Request_ResourceNotFound")
        start = int(request.query.get("$skiptoken", "0"))
        more: dict[str, Any] = {}
        if start + PAGE < len(inside):
            more["@odata.nextLink"] = f"{self._url}{request.path[11:]}?$skiptoken={start + PAGE}"
        part = inside[start : start + PAGE]
        return _values([{"@odata.type": "#microsoft.graph.user", "id": one} for one in part], **more)

    async def installations(self, request: web.Request) -> web.Response:
        """Return whether a person has our app."""
        person = self._person(request)
        return _values([{"id": _installation(person)}] if person.has_app else [])

    async def install(self, request: web.Request) -> web.Response:
        """Install our app for a person."""
        person = self._person(request)
        bound = json.loads(await request.read()).get("teamsApp@odata.bind")
        if bound != f"{self._url}/appCatalogs/teamsApps/{self._tenant.catalog}":
            raise Refusal(404, "NotFound", "No such app in the catalog.")
        if person.blocked:
            raise Refusal(403, "Forbidden", "The user has blocked the app.")
        if person.has_app:
            raise Refusal(409, "Conflict", "App already installed.")
        await self._installed(person)
        return web.json_response({"id": _installation(person)}, status=201)

    async def meetings(self, request: web.Request) -> web.Response:
        """Return an organizer's meeting by its address."""
        wanted = FILTER.fullmatch(request.query.get("$filter", ""))
        if wanted is None or wanted[1] != "JoinWebUrl":
            raise Refusal(400, "BadRequest")
        found = [one for one in self._tenant.meetings.values() if one.join_url == wanted[2].replace("''", "'")]
        mine = [one for one in found if one.organizer == request.match_info["user"]]
        return _values([{"id": one.graph_id, "joinWebUrl": one.join_url, "subject": one.title} for one in mine])

    async def reports(self, request: web.Request) -> web.Response:
        """Return a meeting's attendance reports, newest first."""
        found = [
            {
                "id": str(number),
                "meetingStartDateTime": _instant(start),
                "meetingEndDateTime": _instant(end),
                "totalParticipantCount": len(present),
            }
            for number, (start, end, present) in enumerate(self._meeting(request).reports)
        ]
        return _values(found[::-1][:50])

    async def records(self, request: web.Request) -> web.Response:
        """Return who attended, page by page."""
        report = self._meeting(request).reports[int(request.match_info["report"])]
        present: dict[str, list[tuple[datetime, datetime]]] = {}
        for person, joined, left in report[2]:
            present.setdefault(person, []).append((joined, left))
        start = int(request.query.get("$skiptoken", "0"))
        part = list(present.items())[start : start + PAGE]
        more: dict[str, Any] = {}
        if start + PAGE < len(present):
            more["@odata.nextLink"] = f"{self._url}{request.path[11:]}?$skiptoken={start + PAGE}"
        return _values([self._record(person, times) for person, times in part], **more)

    def _record(self, identifier: str, times: list[tuple[datetime, datetime]]) -> dict[str, Any]:
        person = self._tenant.people[identifier]
        seconds = [int((left - joined).total_seconds()) for joined, left in times]
        return {
            "id": person.id,
            "emailAddress": person.mail,
            "identity": {"id": person.id, "displayName": person.name},
            "role": "Attendee",
            "totalAttendanceInSeconds": sum(seconds),
            "attendanceIntervals": [
                {"joinDateTime": _instant(joined), "leaveDateTime": _instant(left), "durationInSeconds": length}
                for (joined, left), length in zip(times, seconds, strict=True)
            ],
        }

    def _person(self, request: web.Request) -> Person:
        found = self._tenant.people.get(request.match_info["user"].lower())
        if found is None:
            raise Refusal(404, "Request_ResourceNotFound")
        return found

    def _meeting(self, request: web.Request) -> Meeting:
        meetings = self._tenant.meetings.values()
        found = next((one for one in meetings if one.graph_id == request.match_info["meeting"]), None)
        if found is None or found.organizer != request.match_info["user"]:
            raise Refusal(404, "NotFound")
        return found


def _installation(person: Person) -> str:
    return f"install-{person.id}"


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _values(items: list[Any], **more: Any) -> web.Response:
    return web.json_response({"value": items, **more})
