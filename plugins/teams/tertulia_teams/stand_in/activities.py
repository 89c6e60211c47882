"""Write the activities that the connector sends to a bot when people do something."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tertulia import Json
from tertulia_teams.stand_in.tenant import Conversation, Meeting, Person, Tenant

Activity = dict[str, Any]


class Writer:
    """Write activities for one tenant and bot; *now* may be set to a clock that is driven."""

    def __init__(self, tenant: Tenant, service_url: str):
        self._tenant, self._service_url = tenant, service_url
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def common(self, kind: str, conversation: Conversation, person: Person | None) -> Activity:
        """Return what every activity has."""
        tenant = self._tenant.id
        data: Activity = {"tenant": {"id": tenant}}
        if conversation.team:
            data |= {"team": {"id": conversation.team}, "channel": {"id": conversation.id}}
        if conversation.meeting:
            data["meeting"] = {"id": conversation.meeting}
        where: Activity = {"id": conversation.id, "conversationType": conversation.type, "tenantId": tenant}
        if conversation.kind != "personal":
            where |= {"isGroup": True, "name": conversation.name}
        sender = person.account() if person else {"id": f"28:{self._tenant.app}", "name": "Tertulia"}
        shown = {name: sender[name] for name in ("id", "name", "aadObjectId") if name in sender}
        return {
            "type": kind,
            "id": f"f:{uuid.uuid4()}",
            "timestamp": self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "serviceUrl": self._service_url,
            "channelId": "msteams",
            "from": shown,
            "conversation": where,
            "recipient": {"id": f"28:{self._tenant.app}", "name": "Tertulia"},
            "locale": person.language or "en-US" if person else "en-US",
            "channelData": data,
        }

    def installation(self, action: str, conversation: Conversation, person: Person) -> Activity:
        """Write that the app was added or removed."""
        return {**self.common("installationUpdate", conversation, person), "action": action}

    def members(self, conversation: Conversation, person: Person, *, added: bool, who: Sequence[Json]) -> Activity:
        """Write that members came or went; the bot itself is one of them when the app comes."""
        written = self.common("conversationUpdate", conversation, person)
        written["membersAdded" if added else "membersRemoved"] = [dict(one) for one in who]
        if conversation.team:
            written["channelData"]["eventType"] = "teamMemberAdded" if added else "teamMemberRemoved"
        return written

    def message(
        self,
        conversation: Conversation,
        person: Person,
        identifier: str,
        text: str,
        mentions: Sequence[Person] = (),
        thread: str = "",
        *,
        addressed: bool = True,
    ) -> Activity:
        """Write a message; in a shared place it mentions the bot where it is *addressed* to it.

        A bot gets the others only where its team lets it read the channel.
        """
        written = self.common("message", conversation, person)
        entities: list[Activity] = []
        if addressed and conversation.kind != "personal":
            entities.append(_mention({"id": f"28:{self._tenant.app}", "name": "Tertulia"}))
            text = f"{entities[0]['text']} {text}"
        for other in mentions:
            mention = _mention({"id": other.mri, "name": other.name})
            text = text.replace(f"@{other.name}", str(mention["text"]))
            entities.append(mention)
        if conversation.kind == "channel":
            # a message that begins a thread is the first of it
            written["conversation"]["id"] = f"{conversation.id};messageid={thread or identifier}"
        if thread:
            written["replyToId"] = thread
        said = {"id": identifier, "text": text, "textFormat": "plain", "entities": entities}
        return {**written, **said, "attachments": [{"contentType": "text/html", "content": f"<p>{text}</p>"}]}

    def execute(
        self, conversation: Conversation, person: Person, message: str, action: Json, inputs: Mapping[str, str]
    ) -> Activity:
        """Write that a card's button of the newer kind was pressed."""
        written = self.common("invoke", conversation, person)
        data = {**dict(action.get("data") or {}), **inputs}
        pressed = {"type": "Action.Execute", "id": action.get("id"), "verb": action.get("verb"), "data": data}
        value = {"action": {name: item for name, item in pressed.items() if item is not None}, "trigger": "manual"}
        return {**written, "name": "adaptiveCard/action", "value": value, "replyToId": message}

    def submit(
        self, conversation: Conversation, person: Person, message: str, action: Json, inputs: Mapping[str, str]
    ) -> Activity:
        """Write that a card's button was pressed in a client that knows only the older kind."""
        written = self.common("message", conversation, person)
        return {**written, "replyToId": message, "value": {**dict(action.get("data") or {}), **inputs}}

    def reaction(self, conversation: Conversation, person: Person, message: str, kind: str) -> Activity:
        """Write that somebody reacted to a message of the bot."""
        written = self.common("messageReaction", conversation, person)
        return {**written, "replyToId": message, "reactionsAdded": [{"type": kind}]}

    def meeting(self, what: str, meeting: Meeting, at: datetime) -> Activity:
        """Write that a meeting started or ended."""
        conversation = self._tenant.conversations[meeting.chat]
        written = self.common("event", conversation, self._tenant.people[meeting.organizer])
        value = {
            "Id": meeting.graph_id,
            "MeetingType": "Scheduled",
            "JoinUrl": meeting.join_url,
            "Title": meeting.title,
            "StartTime" if what == "Start" else "EndTime": at.isoformat().replace("+00:00", "Z"),
        }
        return {**written, "name": f"application/vnd.microsoft.meeting{what}", "value": value}

    def presence(self, what: str, meeting: Meeting, people: Sequence[Person]) -> Activity:
        """Write that people joined or left a meeting."""
        conversation = self._tenant.conversations[meeting.chat]
        written = self.common("event", conversation, people[0])
        members = [
            {"user": person.account(), "meeting": {"inMeeting": what == "Join", "role": "Attendee"}}
            for person in people
        ]
        return {
            **written,
            "name": f"application/vnd.microsoft.meetingParticipant{what}",
            "value": {"members": members},
        }


def _mention(account: Json) -> Activity:
    return {"type": "mention", "mentioned": dict(account), "text": f"<at>{account['name']}</at>"}
