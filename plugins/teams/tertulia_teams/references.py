"""Name what can be written to later: a conversation, a message in it, a person in it; and places by conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tertulia import Json, Place
from tertulia_teams.config import PLATFORM

Scope = Literal["personal", "channel", "meeting", "chat"]
THREAD = ";messageid="


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Hold where a message is or goes; *user* is the AAD object id of the one it is meant for."""

    service_url: str
    conversation: str
    activity: str = ""
    user: str = ""

    def __str__(self) -> str:
        return "|".join((self.service_url, self.conversation, self.activity, self.user))

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read what `str` wrote; raises `ValueError` for anything else."""
        service_url, conversation, activity, user = text.split("|")
        if not service_url or not conversation:
            raise ValueError("not a reference")
        return cls(service_url=service_url, conversation=conversation, activity=activity, user=user)

    @property
    def personal(self) -> bool:
        """Tell whether the conversation is a chat with one person: every shared one has a thread's id."""
        return not self.conversation.startswith("19:")

    @property
    def channel(self) -> bool:
        """Tell whether the conversation is a channel's, where postings have threads."""
        return "@thread.tacv2" in self.conversation or "@thread.skype" in self.conversation

    def thread(self) -> Reference:
        """Return the conversation in which replies to this posting go."""
        if not self.channel:
            return self
        root = self.conversation.partition(THREAD)[0]
        return Reference(service_url=self.service_url, conversation=f"{root}{THREAD}{self.activity}")


def reference_of(activity: Json, *, user: str = "") -> Reference:
    """Return where *activity* came from; its own id is the message that a reply may replace."""
    return Reference(
        service_url=str(activity["serviceUrl"]),
        conversation=str(activity["conversation"]["id"]),
        activity=str(activity.get("replyToId") or ""),
        user=user,
    )


def place_of(activity: Json) -> Place | None:
    """Return the shared place an activity happened in; `None` in a chat with one person."""
    conversation = activity.get("conversation") or {}
    ref = str(conversation.get("id") or "").partition(THREAD)[0]
    kind = conversation.get("conversationType")
    if not ref.startswith("19:") or kind == "personal":
        return None
    if kind == "channel" or "@thread.tacv2" in ref:
        return Place(platform=PLATFORM, ref=ref, kind="channel")
    meeting = ref.startswith("19:meeting_") or "meeting" in (activity.get("channelData") or {})
    return Place(platform=PLATFORM, ref=ref, kind="meeting" if meeting else "chat")
