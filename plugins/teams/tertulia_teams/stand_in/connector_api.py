"""The connector's part of the stand-in: conversations, messages, members, meetings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tertulia_teams.stand_in.tenant import Conversation, Message, Person, Tenant

THREAD = ";messageid="


class Refusal(Exception):
    """Answer an error as Microsoft words it."""

    def __init__(self, status: int, code: str, message: str = ""):
        super().__init__(code)
        self.status, self.body = status, {"error": {"code": code, "message": message or code}}


class ConnectorApi:
    """Serve the connector's paths below `/connector`."""

    def __init__(self, tenant: Tenant, service_url: str):
        self._tenant, self._service_url = tenant, service_url
        self.notifications: list[Mapping[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        conversations, one = "/connector/v3/conversations", "/connector/v3/conversations/{conversation}"
        return [
            web.post(conversations, self.create),
            web.post(one + "/activities", self.send),
            web.post(one + "/activities/{activity}", self.send),
            web.put(one + "/activities/{activity}", self.update),
            web.delete(one + "/activities/{activity}", self.delete),
            web.get(one + "/members", self.members),
            web.get(one + "/members/{member}", self.member),
            web.get(one + "/pagedmembers", self.paged),
            web.get("/connector/v1/meetings/{meeting}/participants/{user}", self.participant),
            web.post("/connector/v1/meetings/{meeting}/notification", self.notify),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Return the chat with one person, the same every time."""
        body = await _body(request)
        members = body.get("members") or []
        if body.get("isGroup") or len(members) != 1 or body.get("tenantId") != self._tenant.id:
            raise Refusal(400, "BadSyntax", "only chats with one person can be created")
        person = self._tenant.people.get(str(members[0].get("id")).lower())
        if person is None:
            raise Refusal(400, "BadArgument", "Failed to decrypt pairwise id")
        if not person.has_app:
            raise Refusal(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        return _json({"id": self._tenant.chat(person).id}, 201)

    async def send(self, request: web.Request) -> web.Response:
        """Take a message."""
        conversation, thread = self._conversation(request)
        activity = await _body(request)
        self._writable(conversation)
        identifier = self._tenant.next_id()
        only = None
        if request.query.get("isTargetedActivity") == "true":
            only = str((activity.get("recipient") or {}).get("id"))
        if activity.get("type") != "typing":
            conversation.messages[identifier] = Message(id=identifier, activity=activity, only=only, thread=thread)
        return _json({"id": identifier}, 201)

    async def update(self, request: web.Request) -> web.Response:
        """Replace a message."""
        conversation, _ = self._conversation(request)
        activity = await _body(request)
        self._writable(conversation)
        message = self._message(conversation, request)
        message.activity, message.versions = activity, message.versions + 1
        message.views.clear()
        return _json({"id": message.id})

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a message."""
        conversation, _ = self._conversation(request)
        self._message(conversation, request).deleted = True
        return web.Response()

    async def members(self, request: web.Request) -> web.Response:
        """Return all members."""
        conversation, _ = self._conversation(request)
        return _json([person.account() for person in self._people(conversation)])

    async def member(self, request: web.Request) -> web.Response:
        """Return one member, by either of the ids."""
        conversation, _ = self._conversation(request)
        person = self._tenant.person(request.match_info["member"])
        if person is None or person.id not in conversation.members:
            raise Refusal(404, "MemberNotFoundInConversation")
        return _json(person.account())

    async def paged(self, request: web.Request) -> web.Response:
        """Return a page of members; the token is a position."""
        conversation, _ = self._conversation(request)
        start, size = int(request.query.get("continuationToken", "0")), int(request.query.get("pageSize", "200"))
        people = self._people(conversation)
        page: dict[str, Any] = {"members": [person.account() for person in people[start : start + size]]}
        if start + size < len(people):
            page["continuationToken"] = str(start + size)
        return _json(page)

    async def participant(self, request: web.Request) -> web.Response:
        """Return how a person takes part in a meeting."""
        meeting = self._tenant.meetings.get(request.match_info["meeting"])
        person = self._tenant.person(request.match_info["user"])
        if meeting is None or person is None or request.query.get("tenantId") != self._tenant.id:
            raise Refusal(404, "NotFound")
        role = "Organizer" if person.id == meeting.organizer else "Attendee"
        conversation = {"id": meeting.chat, "isGroup": True}
        return _json(
            {"user": person.account(), "meeting": {"role": role, "inMeeting": True}, "conversation": conversation}
        )

    async def notify(self, request: web.Request) -> web.Response:
        """Take a notification in a meeting."""
        body = await _body(request)
        if request.match_info["meeting"] not in self._tenant.meetings:
            raise Refusal(404, "NotFound")
        recipients = (body.get("value") or {}).get("recipients") or []
        unknown = [mri for mri in recipients if self._tenant.person(mri) is None]
        self.notifications.append(body)
        if not unknown:
            return web.Response(status=202)
        failed = [{"recipientMri": mri, "errorcode": "MemberNotFoundInConversation"} for mri in unknown]
        return _json({"recipientsFailureInfo": failed}, 207)

    def _conversation(self, request: web.Request) -> tuple[Conversation, str]:
        ref, _, thread = request.match_info["conversation"].partition(THREAD)
        found = self._tenant.conversations.get(ref)
        if found is None:
            raise Refusal(404, "ConversationNotFound")
        return found, thread or request.match_info.get("activity", "")

    def _message(self, conversation: Conversation, request: web.Request) -> Message:
        found = conversation.messages.get(request.match_info["activity"])
        if found is None or found.deleted:
            raise Refusal(404, "ActivityNotFoundInConversation")
        return found

    def _writable(self, conversation: Conversation) -> None:
        if conversation.kind == "personal":
            person = self._tenant.people[conversation.members[0]]
            if person.blocked or not person.has_app:
                raise Refusal(403, "MessageWritesBlocked", "{ subCode: 'MessageWritesBlocked', errorCode: 209 }")
        elif not conversation.has_app:
            raise Refusal(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")

    def _people(self, conversation: Conversation) -> list[Person]:
        return [self._tenant.people[identifier] for identifier in conversation.members]


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if len(raw.decode(errors="replace").encode("utf-16-le")) > 100 * 1024:
        raise Refusal(413, "MessageSizeTooBig")
    try:
        value = json.loads(raw)
    except ValueError:
        raise Refusal(400, "BadSyntax") from None
    if not isinstance(value, dict):
        raise Refusal(400, "BadSyntax")
    return value


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)
