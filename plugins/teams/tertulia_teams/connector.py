"""Talk to the Bot Connector: every answer becomes a value or one of the four errors here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tertulia import Context, Json, OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable
from tertulia_teams.config import Settings
from tertulia_teams.exchange import Exchanged, exchange
from tertulia_teams.limits import Rates
from tertulia_teams.references import Reference
from tertulia_teams.tokens import Tokens

LARGEST = 80 * 1024
"""Teams takes about 100 KB of UTF-16 with everything in it; what is larger than this is not sent."""
PAGE = 500
OPERATOR = (
    "BotDisabledByAdmin",
    "NotEnoughPermissions",
    "InvalidBotApiCredentials",
    "AuthorizationFailed",
    "AppNotAllowed",
    "Unauthorized",
    "InvalidAuthentication",
)
"""What a 403 may say that is not about the recipient: credentials, permissions, a decision of the tenant's admin."""


class Connector:
    """Send, update and delete activities, create conversations, read members, notify meetings."""

    def __init__(self, context: Context, tokens: Tokens, rates: Rates):
        self._context, self._tokens, self._rates = context, tokens, rates
        self._settings: Settings = context.settings
        self._endpoints = self._settings.endpoints

    async def send(self, to: Reference, activity: Json, *, targeted: bool = False) -> str:
        """Send *activity* and return the id of the message; one that is *targeted* is seen by its recipient only."""
        body = _written(activity)
        url = self._url(to, "/activities") + ("?isTargetedActivity=true" if targeted else "")
        async with self._rates.send(to):
            answer = (await self._call("POST", url, body)).json()
        identifier = answer.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise OutcomeUnknown("the connector answered without the message's id")
        return identifier

    async def update(self, at: Reference, activity: Json) -> None:
        """Replace the message."""
        body = _written({**activity, "id": at.activity})
        url = self._url(at, f"/activities/{quote(at.activity, safe='')}")
        async with self._rates.send(at):
            (await self._call("PUT", url, body)).json()

    async def delete(self, at: Reference) -> None:
        """Delete the message."""
        url = self._url(at, f"/activities/{quote(at.activity, safe='')}")
        async with self._rates.send(at):
            (await self._call("DELETE", url)).json()

    async def create(self, user: str) -> Reference:
        """Return the chat with one person, by AAD object id; asking again returns the same chat."""
        service_url = self._endpoints.service_url
        if service_url is None:
            raise Unreachable("in this cloud a person must write to the bot first")
        tenant = self._settings.tenant_id
        wanted = {
            "isGroup": False,
            "bot": {"id": f"28:{self._settings.app_id}"},
            "members": [{"id": user}],
            "tenantId": tenant,
            "channelData": {"tenant": {"id": tenant}},
        }
        url = self._base(service_url) + "v3/conversations"
        try:
            async with self._rates.create():
                made = (await self._call("POST", url, _written(wanted))).json()
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None  # nothing was said, and asking again makes no second chat
        identifier = made.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise RetryLater("the connector answered without the conversation's id")
        return Reference(service_url=service_url, conversation=identifier, user=user)

    async def members(self, of: Reference, token: str = "") -> AsyncIterator[tuple[list[Json], str]]:
        """Yield the members of a conversation page by page, each with the token behind it, empty after the last."""
        while True:
            query = f"?pageSize={PAGE}" + (f"&continuationToken={quote(token, safe='')}" if token else "")
            async with self._rates.read(of.conversation):
                page = await self._read(self._url(of, f"/pagedmembers{query}"))
            token = str(page.get("continuationToken") or "")
            yield [member for member in page.get("members") or () if isinstance(member, dict)], token
            if not token:
                return

    async def member(self, of: Reference, identifier: str) -> Json:
        """Return one member of a conversation."""
        async with self._rates.read(of.conversation):
            return await self._read(self._url(of, f"/members/{quote(identifier, safe='')}"))

    async def meeting_participant(self, service_url: str, meeting: str, user: str) -> Json:
        """Return how a person takes part in a meeting: whether present, and in which role."""
        tenant = quote(self._settings.tenant_id, safe="")
        path = f"v1/meetings/{quote(meeting, safe='')}/participants/{quote(user, safe='')}?tenantId={tenant}"
        return await self._read(self._base(service_url) + path)

    async def notify_meeting(
        self, service_url: str, meeting: str, users: Sequence[str], *, title: str, url: str
    ) -> frozenset[str]:
        """Show *url* in a dialog to participants of a meeting, and return those who could not be shown it."""
        content = {"title": title, "height": "medium", "width": "medium", "url": url}
        surface = {"surface": "meetingStage", "contentType": "task", "content": {"value": content}}
        value = {"recipients": list(users), "surfaces": [surface]}
        body = _written({"type": "targetedMeetingNotification", "value": value})
        path = f"v1/meetings/{quote(meeting, safe='')}/notification"
        async with self._rates.create():
            answer = (await self._call("POST", self._base(service_url) + path, body)).json()
        failed = answer.get("recipientsFailureInfo") or ()
        return frozenset(str(one.get("recipientMri")) for one in failed if isinstance(one, dict))

    async def token(self) -> str:
        """Return the bot's token, to show that there is one."""
        return await self._tokens.get(self._endpoints.scope)

    def _url(self, to: Reference, path: str) -> str:
        return f"{self._base(to.service_url)}v3/conversations/{quote(to.conversation, safe='')}{path}"

    def _base(self, service_url: str) -> str:
        if not self._endpoints.trusts(service_url):
            raise OperatorError("a stored service address is not a known connector's; nothing was sent to it")
        return service_url if service_url.endswith("/") else f"{service_url}/"

    async def _read(self, url: str) -> dict[str, Any]:
        try:
            return (await self._call("GET", url)).json()
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None

    async def _call(self, method: str, url: str, body: bytes | None = None) -> Exchanged:
        token = await self._tokens.get(self._endpoints.scope)
        answer = await exchange(
            self._context.http, method, url, token=token, seconds=self._settings.timeout, body=body
        )
        everyone = self._rates.answered(too_many=answer.status == 429)
        if 200 <= answer.status < 300:
            return answer
        if answer.status == 401:
            self._tokens.forget(self._endpoints.scope)
        raise failure(answer, everyone)


def failure(answer: Exchanged, everyone: str | None = None) -> SendError:
    """Return what an answer that is no success means to the sender."""
    status = answer.status
    if status in {429, 412}:
        return RetryLater(f"the connector answered {status}", answer.after, everyone=everyone)
    if status in {502, 504} and answer.after is not None:
        return RetryLater(f"the connector answered {status}", answer.after)
    if status >= 500 or status == 408:
        return OutcomeUnknown(f"the connector answered {status}")
    if status == 401:
        return OperatorError(
            "the connector refuses the bot's token: check app_id, app_secret, app_type and tenant_id"
        )
    if status == 403 and answer.says(*OPERATOR):
        return OperatorError("the connector refuses the bot: an admin blocks the app, or a permission is missing")
    if status in {403, 404, 410} or (status == 400 and answer.says("BadArgument", "ConversationNotFound")):
        return Unreachable(f"the connector answered {status}: blocked, uninstalled or gone")
    if status == 413:
        return _too_large()
    return OperatorError(f"the connector answered {status}, which it should not")


def _written(activity: Mapping[str, Any]) -> bytes:
    text = json.dumps(activity, ensure_ascii=False, separators=(",", ":"))
    # a character takes one or two units of UTF-16, so that what is short need not be counted
    if len(text) * 4 > LARGEST and len(text.encode("utf-16-le", "replace")) > LARGEST:
        raise _too_large()
    return text.encode("utf-8", "replace")


def _too_large() -> OperatorError:
    return OperatorError("the message is larger than Teams takes: shorten the practice's texts")
