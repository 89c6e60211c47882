"""Call Trello: every operation once, typed; whatever comes back is a value or one of the four errors, here only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol, TypeAlias

import aiohttp

from tertulia import Json, Limiter, OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable, Window
from tertulia_trello.config import Settings

WINDOW = 10.0
KEY_WINDOW = Window(270, WINDOW, burst=30)
TOKEN_WINDOW = Window(90, WINDOW, burst=20)
MEMBERS_WINDOW = Window(90, 900.0, burst=20)
"""Ninety percent of what Trello allows: 300 and 100 in 10 s, for `/members` 100 in 900 s."""
MOST_ACTIONS = 1000
PER_PAGE = 50
Method: TypeAlias = Literal["GET", "POST", "PUT", "DELETE"]
Query: TypeAlias = Mapping[str, str | None]


class Gone(Unreachable):
    """Tell that people removed it, or that it never was."""


class Reach(Protocol):
    """What the client needs of a context."""

    @property
    def http(self) -> aiohttp.ClientSession:
        """Where requests go out."""
        ...

    @property
    def limiter(self) -> Limiter:
        """What keeps them below Trello's limits."""
        ...


class Client:
    """Carry out operations for one installation; key and token travel in a header, never in an address."""

    def __init__(self, reach: Reach, settings: Settings):
        self._reach, self._url = reach, settings.url
        key, token = settings.api_key.get_secret_value(), settings.token.get_secret_value()
        self._token = token
        self._headers = {"authorization": f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'}
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout)
        self._key_limit, self._token_limit = f"key:{_name(key)}", f"token:{_name(token)}"
        self._limits = {self._key_limit: (KEY_WINDOW,), self._token_limit: (TOKEN_WINDOW,)}
        self._member_limits = {**self._limits, f"members:{_name(token)}": (MEMBERS_WINDOW,)}

    # -- accounts and boards ---------------------------------------------------------------------------------------

    async def me(self) -> Json:
        """Return the account that the token acts for."""
        return _table(await self._call("GET", "/members/me"))

    async def token(self) -> Json:
        """Return the token's own record: when it expires, what it may do."""
        return _table(await self._call("GET", f"/tokens/{self._token}"))

    async def workspace_members(self, workspace: str) -> list[Json]:
        """Return the members of a Trello workspace."""
        return _tables(await self._call("GET", f"/organizations/{workspace}/members"))

    async def workspace_boards(self, workspace: str) -> list[Json]:
        """Return the open boards of a Trello workspace."""
        return _tables(await self._call("GET", f"/organizations/{workspace}/boards", {"filter": "open"}))

    async def board(self, board: str) -> Json:
        """Return a board."""
        return _table(await self._call("GET", f"/boards/{board}"))

    async def board_members(self, board: str) -> list[Json]:
        """Return the members of a board, guests too."""
        return _tables(await self._call("GET", f"/boards/{board}/members"))

    async def board_lists(self, board: str) -> list[Json]:
        """Return the open lists of a board."""
        return _tables(await self._call("GET", f"/boards/{board}/lists", {"filter": "open"}))

    async def create_list(self, board: str, name: str) -> str:
        """Make a list and return its id."""
        return _id(await self._call("POST", "/lists", {"name": name, "idBoard": board, "pos": "top"}))

    async def board_labels(self, board: str) -> list[Json]:
        """Return the labels of a board."""
        return _tables(await self._call("GET", f"/boards/{board}/labels", {"limit": "1000"}))

    async def create_label(self, board: str, name: str) -> str:
        """Make a label and return its id."""
        return _id(await self._call("POST", "/labels", {"name": name, "color": "sky", "idBoard": board}))

    # -- cards -----------------------------------------------------------------------------------------------------

    async def create_card(
        self,
        list_id: str,
        name: str,
        text: str,
        *,
        label: str | None = None,
        members: Sequence[str] = (),
        due: datetime | None = None,
    ) -> str:
        """Make a card and return its id."""
        shown = {"name": name, "desc": text, "idList": list_id, "pos": "top", "idLabels": label, "due": _instant(due)}
        return _id(await self._call("POST", "/cards", {**shown, "idMembers": ",".join(members) or None}))

    async def card(self, card: str) -> Json:
        """Return a card."""
        fields = "closed,desc,due,idBoard,idList,idMembersVoted,shortUrl"
        return _table(await self._call("GET", f"/cards/{card}", {"fields": fields}))

    async def change_card(
        self, card: str, *, text: str | None = None, closed: bool | None = None, done: bool | None = None
    ) -> None:
        """Change what a card says, archive it, or mark its due date as met."""
        changes = {"desc": text, "closed": _word(closed), "dueComplete": _word(done)}
        _id(await self._call("PUT", f"/cards/{card}", changes))

    async def create_checklist(self, card: str, name: str) -> str:
        """Put a checklist on a card and return its id."""
        return _id(await self._call("POST", f"/cards/{card}/checklists", {"name": name}))

    async def create_check_item(self, checklist: str, name: str) -> str:
        """Put an item on a checklist and return its id."""
        return _id(await self._call("POST", f"/checklists/{checklist}/checkItems", {"name": name}))

    async def comment(self, card: str, text: str) -> str:
        """Comment on a card and return the comment's id."""
        return _id(await self._call("POST", f"/cards/{card}/actions/comments", {"text": text}))

    async def react(self, action: str, name: str, native: str, unified: str) -> None:
        """React to a comment with an emoji."""
        emoji = {"shortName": name, "native": native, "unified": unified}
        _id(await self._call("POST", f"/actions/{action}/reactions", body=emoji))

    async def reactions(self, action: str) -> list[Json]:
        """Return the reactions to a comment, without names."""
        query = {"member": "false", "emoji": "false"}
        return _tables(await self._call("GET", f"/actions/{action}/reactions", query))

    # -- actions ---------------------------------------------------------------------------------------------------

    async def board_actions(
        self, board: str, types: Sequence[str], *, since: str | None = None, before: str | None = None, limit: int
    ) -> list[Json]:
        """Return the newest actions of a board between two ids, newest first, without anybody's name."""
        bounds = {"since": since, "before": before, "limit": str(limit)}
        names = {"member": "false", "memberCreator": "false"}
        query = {"filter": ",".join(types), **bounds, **names}
        return _tables(await self._call("GET", f"/boards/{board}/actions", query))

    async def card_actions(self, card: str, types: Sequence[str], page: int) -> list[Json]:
        """Return a page of a card's actions, newest first."""
        query = {"filter": ",".join(types), "page": str(page)}
        return _tables(await self._call("GET", f"/cards/{card}/actions", query))

    # -- webhooks --------------------------------------------------------------------------------------------------

    async def webhooks(self) -> list[Json]:
        """Return the webhooks of the token."""
        return _tables(await self._call("GET", f"/tokens/{self._token}/webhooks"))

    async def create_webhook(self, callback: str, model: str) -> str:
        """Make a webhook and return its id; Trello asks the callback for a 200 before it answers."""
        query = {"callbackURL": callback, "idModel": model, "description": "Tertulia", "active": "true"}
        return _id(await self._call("POST", "/webhooks/", query))

    async def enable_webhook(self, webhook: str) -> None:
        """Let a webhook that was switched off work again."""
        _id(await self._call("PUT", f"/webhooks/{webhook}", {"active": "true"}))

    async def delete_webhook(self, webhook: str) -> None:
        """Remove a webhook."""
        await self._call("DELETE", f"/webhooks/{webhook}")

    # -- one request -----------------------------------------------------------------------------------------------

    async def _call(self, method: Method, path: str, query: Query | None = None, *, body: Json | None = None) -> Any:
        await self._reach.limiter.acquire(self._member_limits if path.startswith("/members") else self._limits)
        params = {name: value for name, value in (query or {}).items() if value is not None}
        options: dict[str, Any] = {"params": params, "headers": self._headers, "timeout": self._timeout}
        try:
            async with self._reach.http.request(
                method, self._url + path, json=body, allow_redirects=False, **options
            ) as response:
                raw = await response.read()
        except aiohttp.ClientConnectorError:
            raise RetryLater("nothing answers at Trello's address") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            raise OutcomeUnknown("the connection to Trello was lost before an answer came") from None
        if response.status != 200:
            raise await self._error(response, raw)
        try:
            return json.loads(raw)
        except ValueError:
            raise OutcomeUnknown("Trello's answer cannot be read") from None

    async def _error(self, response: aiohttp.ClientResponse, raw: bytes) -> SendError:
        status = response.status
        if status == 429:
            whole = self._key_limit if b"API_KEY_LIMIT" in raw else self._token_limit
            pause = retry_after(response.headers.get("retry-after"))
            seconds = pause if isinstance(pause, timedelta) else timedelta(seconds=WINDOW)
            await self._reach.limiter.penalty(whole, seconds.total_seconds())
            return RetryLater("Trello's rate limit is used up", pause, everyone=whole)
        if status >= 500:
            return OutcomeUnknown(f"Trello answered {status}")
        if status in {404, 410}:
            return Gone(f"Trello answered {status}: it is not there, or not any more")
        if status == 403:
            return Unreachable("Trello answered 403: it is not for this account")
        if status == 401:
            return OperatorError("Trello answered 401: check api_key, token, and what its account may see")
        return OperatorError(f"Trello answered {status}: it does not take what the settings lead to")


def retry_after(value: str | None) -> timedelta | datetime:
    """Read seconds or an instant; without a word the window of the limit is slept out."""
    if value is None:
        return timedelta(seconds=WINDOW)
    try:
        return timedelta(seconds=min(max(float(value), 0.0), 86_400.0))
    except ValueError:
        pass
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = read(value)
        except (ValueError, TypeError):
            continue
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return timedelta(seconds=WINDOW)


def _instant(due: datetime | None) -> str | None:
    """Write a due date as Trello itself answers it; its description calls it a day, its boards show the hour."""
    return None if due is None else due.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _name(secret: str) -> str:
    """Name a secret in the table of rates without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _table(answer: object) -> Json:
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise OutcomeUnknown("Trello's answer is not what was asked for")
    return answer


def _tables(answer: object) -> list[Json]:
    if not isinstance(answer, list):
        raise OutcomeUnknown("Trello's answer is not a list")
    return [_table(item) for item in answer]


def _id(answer: object) -> str:
    found: str = _table(answer)["id"]
    return found
