"""Do what people do in Team Chat: write to the bot, press its buttons, choose and fill in; the bot is told."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

from tertulia_zoom.stand_in.chat import Written, jid_of
from tertulia_zoom.stand_in.operations import Body
from tertulia_zoom.stand_in.sender import Sender

if TYPE_CHECKING:
    from tertulia_zoom.stand_in.state import Town

SIGN = "/tertulia"


class Chatter:
    """Act for the users of an account; *sender* posts to the bot's endpoint."""

    def __init__(self, town: Town, sender: Sender):
        self.town, self.sender = town, sender
        self._last = 0

    def install(self, user: str) -> None:
        """Let *user* add the bot."""
        named = self._who(user)
        kept = {name: named[name] for name in ("accountId", "robotJid", "timestamp", "userId", "userJid", "userName")}
        self.sender.tell({"event": "bot_installed", "payload": kept})

    def say(self, user: str, text: str, place: str = "") -> None:
        """Let *user* write to the bot, or use its command in a channel."""
        chat = self.town.chat
        chat.write(place or jid_of(user), {"text": f"{SIGN} {text}" if place else text}, writer=user)
        payload = {**self._event(user, place), "cmd": text, "triggerId": self.town.text(12)}
        self.sender.tell({"event": "bot_notification", "payload": payload})

    def press(self, user: str, message: Written, label: str) -> Body:
        """Let *user* press the button that says *label*, and return what was told."""
        items = (
            item
            for element in message.content["body"]
            if element["type"] == "actions"
            for item in element["items"]
            if item["text"].lstrip("☐☑ ") == label.lstrip("☐☑ ")
        )
        item = next(items)
        told = {"actionItem": {"text": item["text"], "value": item["value"]}}
        return self._tell("interactive_message_actions", user, message, told)

    def choose(self, user: str, message: Written, label: str, option: str) -> Body:
        """Let *user* choose an option of the list that says *label*."""
        (element,) = [one for one in message.content["body"] if one["type"] == "select" and one["text"] == label]
        (item,) = [one for one in element["select_items"] if one["text"] == option]
        return self._tell("interactive_message_select", user, message, {"selectedItems": [{"value": item["value"]}]})

    def fill_in(self, user: str, message: Written, label: str, text: str) -> Body:
        """Let *user* rewrite the line that says *label*."""
        lines = (
            one for element in message.content["body"] if element["type"] == "fields" for one in element["items"]
        )
        (item,) = [one for one in lines if one["key"] == label and one["editable"]]
        edited = {"currentValue": item["value"], "key": label, "newValue": text}
        return self._tell("interactive_message_fields_editable", user, message, {"fieldEditItem": edited})

    def _tell(self, event: str, user: str, message: Written, said: Body) -> Body:
        place = message.to if message.to in self.town.chat.channels else ""
        shown = {"messageId": message.id, "original": copy.deepcopy(message.content)}
        made = {"event": event, "payload": {**self._event(user, place), **shown, **said}}
        self.sender.tell(made)
        return made

    def _event(self, user: str, place: str) -> Body:
        channel = self.town.chat.channels.get(place)
        return {**self._who(user), "channelName": channel.name if channel else "", "toJid": place or jid_of(user)}

    def _who(self, user: str) -> dict[str, Any]:
        # two events of one millisecond would be one event
        self._last = max(self._last + 1, int(time.time() * 1000))
        return {
            "accountId": self.town.account,
            "robotJid": self.town.chat.robot,
            "timestamp": self._last,
            "userId": user,
            "userJid": jid_of(user),
            "userName": self.town.users[user]["display_name"],
        }
