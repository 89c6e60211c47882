"""Answer where everybody reads along: with a reaction, or with words that tell nothing of the one who is answered."""

from __future__ import annotations

import json

from tertulia import Reply, Unreachable
from tertulia_trello import cards
from tertulia_trello.client import Client

DONE = ("+1", "👍", "1F44D")
READ = ("eyes", "👀", "1F440")
QUIET = frozenset({"snooze", "stop", "link"})
"""Commands whose success needs no words."""
HELP = (
    "This is what I understand on a board: `icebreaker`, `check-in`, `kudos` and somebody's name, `snooze` 3 days, "
    "`stop`, `settings`, `my data`, `candle`, `help`. Begin the comment with my name. On a card of mine your first "
    "comment is your answer; begin a later one with my name and `answer` or `pass` to change it. "
    "Everything else is on your own page: {page}"
)
POINTER = "Let us go on where only you read it, on your own page: {page}"
REFUSED = "I could not do that here. Begin with my name and `help` to see what I understand, or use your page: {page}"
UNKNOWN = (
    "I do not know yet who you are. Sign in on your page, ask there for a link code, and comment here with my name, "
    "`link` and the code: {page}"
)
OR_HERE = " Or, once you are signed in there, sign in at Trello: {link}"
CLOSED = "Nothing of that kind is open at the moment."


def address(card: str, action: str, command: str) -> str:
    """Write where a reply goes."""
    return json.dumps([card, action, command])


def own_page(public_url: str) -> str:
    """Return the address of everybody's own page, from where an installation's routes are mounted."""
    return public_url.partition("/plugins/")[0] + "/my"


class CommentReplies:
    """Answer comments; what is private is never written on a card."""

    def __init__(self, client: Client, page: str, link: str | None = None):
        self._client, self._page, self._link = client, page, link

    async def reply(self, to: str, reply: Reply) -> None:
        """React, or comment; raises what Trello answered."""
        card, action, command = _read(to)
        text = self._text(command, reply)
        if text is not None:
            for piece in cards.pieces(text):
                await self._client.comment(card, piece)
        else:
            await self._client.react(action, *DONE)

    def _text(self, command: str, reply: Reply) -> str | None:
        if not reply.private and (reply.text or reply.prompt):
            return cards.written(reply)
        good = reply.status in ("taken", "changed")
        if good and (command in QUIET or not command):
            return None
        if good:
            pattern = HELP if command == "help" else POINTER
        else:
            pattern = {"unknown_actor": unknown(self._link), "closed": CLOSED}.get(reply.status, REFUSED)
        return pattern.format(page=self._page)


def unknown(link: str | None) -> str:
    """Return what somebody whom nobody knows is told, with `{page}` left open."""
    return UNKNOWN + (OR_HERE.replace("{link}", link) if link else "")


def _read(to: str) -> tuple[str, str, str]:
    try:
        card, action, command = json.loads(to)
    except (ValueError, TypeError):
        raise Unreachable("this reply leads to no card") from None
    return str(card), str(action), str(command)
