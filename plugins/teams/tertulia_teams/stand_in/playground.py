"""Let Microsoft's Agents Playground drive the bot, whose verifier demands genuine tokens as ever.

The Playground signs nothing and checks nothing. So it is given the relay's address in place of the bot's: the relay
makes each activity one of our tenant, signs it with the stand-in's key, and sends it on. What the bot sends goes the
other way, after its token was checked. Only the sandbox trusts the stand-in's key.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tertulia import Json
from tertulia_teams.stand_in.connector_api import THREAD, Refusal
from tertulia_teams.stand_in.faults import Api
from tertulia_teams.stand_in.server import APP, TENANT, StandIn
from tertulia_teams.stand_in.tenant import Conversation, Person

MESSAGES = "/api/messages"
PEOPLE = ("Ana Sousa", "Ben Okafor", "Chen Wei", "Dalia Haddad", "Emil Larsen", "Fatou Diallo")
"""The Playground wants the one who sits there and exactly five others."""
GROUP = "19:6f1d8a3e5f0c4f7e9a536f1d8a3e5f0c@thread.v2"
SECONDS = aiohttp.ClientTimeout(total=20)


class Relay(StandIn):
    """Be Microsoft for the bot, with the Playground at *playground* as the connector of what can be seen there."""

    def __init__(self, *, port: int = 0, playground: str = "http://127.0.0.1:56150"):
        super().__init__(port=port)
        self._connector_url = f"{playground}/_connector/"
        people = [self.tenant.add_person(name, _mail(name), has_app=True) for name in PEOPLE]
        channels = self.tenant.add_team("Everyone", ["General", "Coffee"], people)
        group = Conversation(id=GROUP, kind="groupChat", name="Group", members=[one.id for one in people])
        self.tenant.conversations[GROUP] = group
        for one in (group, *channels):
            one.has_app = True
        self.channels, self.sitting = channels, people[0]
        self._seen = frozenset({self.tenant.chat(people[0]).id, GROUP, *(one.id for one in channels)})
        self.extend(self._attach)

    def configuration(self) -> Json:
        """Return the configuration with which the Playground plays our tenant."""
        people = list(self.tenant.people.values())
        general, coffee = self.channels
        team = {"id": general.id, "name": "Everyone", "aadGroupId": "6f1d8a3e-5f0c-4f7e-9a53-1f6f3d1c0b12"}
        return {
            "version": "0.1.1",
            "tenantId": TENANT,
            "bot": {"id": f"28:{APP}", "name": "Tertulia"},
            "currentUser": _account(people[0]),
            "users": [_account(one) for one in people[1:]],
            "personalChat": {"id": self.tenant.chat(people[0]).id},
            "groupChat": {"id": GROUP, "name": "Group"},
            "team": {**team, "channels": [{"id": coffee.id, "name": "Coffee"}]},
        }

    def _attach(self, app: web.Application) -> None:
        app.router.add_post(MESSAGES, self._relay)

    async def _relay(self, request: web.Request) -> web.Response:
        """Sign what the Playground sends, and return what the bot answers."""
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise web.HTTPForbidden
        try:
            activity = json.loads(await request.read())
        except ValueError:
            raise web.HTTPBadRequest from None
        if not isinstance(activity, dict) or not self.endpoint:
            raise web.HTTPServiceUnavailable(text="The bot has not said yet where it listens; enable the plugin.")
        service = str(activity.get("serviceUrl") or self._connector_url)
        if urlsplit(service).hostname in {"127.0.0.1", "localhost"}:
            self._connector_url = service.rstrip("/") + "/"
        turn = await self.post(self._ours(activity))
        kind = "application/json" if turn.body else None
        return web.Response(status=turn.status, body=turn.body, content_type=kind)

    def _ours(self, activity: dict[str, Any]) -> dict[str, Any]:
        conversation = {**(activity.get("conversation") or {}), "tenantId": TENANT}
        data = {**(activity.get("channelData") or {}), "tenant": {"id": TENANT}}
        sender = dict(activity.get("from") or {})
        known = self.tenant.person(str(sender.get("aadObjectId") or sender.get("id") or ""))
        if known is not None:
            sender |= {"id": known.mri, "aadObjectId": known.id}
        sender.pop("tenantId", None)
        named = {"conversation": conversation, "channelData": data, "from": sender, "channelId": "msteams"}
        return {**activity, **named, "serviceUrl": self.service_url}

    async def _carried_out(
        self, api: Api, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.Response:
        root = request.match_info.get("conversation", "").partition(THREAD)[0]
        if api == "connector" and root in self._seen:
            handler = self._forwarded
        return await super()._carried_out(api, request, handler)

    async def _forwarded(self, request: web.Request) -> web.Response:
        """Let the Playground carry out what the bot asks of its conversations."""
        url = self._connector_url + request.raw_path.removeprefix("/connector/")
        headers = {"content-type": request.content_type}
        body = await request.read()
        try:
            async with self._http.request(
                request.method, url, data=body or None, headers=headers, timeout=SECONDS
            ) as answer:
                said, status, kind = await answer.read(), answer.status, answer.content_type
        except aiohttp.ClientError:
            raise Refusal(502, "ServiceError", "the Playground does not answer") from None
        return web.Response(status=status, body=said, content_type=kind)


def _account(person: Person) -> dict[str, str]:
    given, _, surname = person.name.partition(" ")
    return {
        "id": person.mri,
        "name": person.name,
        "userPrincipleName": person.mail,
        "aadObjectId": person.id,
        "givenName": given,
        "surname": surname,
        "email": person.mail,
    }


def _mail(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.org"
