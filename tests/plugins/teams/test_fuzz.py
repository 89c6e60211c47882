"""Whatever a genuine connector might send, nothing of it breaks the endpoint: thousands of type-confused bodies."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from multidict import CIMultiDict

from tertulia.testing.context import FakeContext
from tertulia_teams.ports import Outbound
from tertulia_teams.routes import Messages

Make: TypeAlias = Callable[..., Any]
CHANNEL = {"id": "19:abc@thread.tacv2;messageid=1", "conversationType": "channel", "isGroup": True}
MEETING = {"id": "19:meeting_abc@thread.v2", "conversationType": "groupChat", "isGroup": True}
MEMBER = {
    "user": {"id": "29:b", "aadObjectId": "bbbbbbbb-0000-4000-8000-000000000002"},
    "meeting": {"inMeeting": True},
}
ADDED = [{"id": "29:ben", "aadObjectId": "bbbbbbbb-0000-4000-8000-000000000002"}, {"id": "28:bot"}]
JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    1.5,
    10**400,
    "",
    "\x00",
    "\ud800",
    "{0}%s",
    "a|b|c|d|e",
    "[" * 5_000,
    "9999-99-99T99:99:99Z",
    [],
    [None],
    [{"id": []}],
    {},
    {"id": {}},
    {"a": {"b": {"c": []}}},
)


def bodies(make: Make, url: str) -> list[dict[str, Any]]:
    """Return one genuine activity of every kind that is taken."""
    card = {"action": {"type": "Action.Execute", "verb": "answer", "data": {"tertulia": "t", "many.a": "1,2"}}}
    mention = {"type": "mention", "text": "<at>Ben</at>", "mentioned": {"id": "29:ben", "name": "Ben"}}
    team = {"team": {"id": "19:abc@thread.tacv2"}, "channel": {"id": "19:abc@thread.tacv2"}}
    start = {"Id": "x", "MeetingType": "Scheduled", "JoinUrl": "https://teams.microsoft.com/l/?context=%7b%7d"}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("invoke", {"name": "adaptiveCard/action", "value": {**card, "trigger": "manual"}}),
        ("invoke", {"name": "task/fetch", "value": {}}),
        ("message", {"text": "kudos <at>Ben</at> thanks", "entities": [mention]}),
        ("message", {"value": {"tertulia": "t", "one.a": "1"}, "replyToId": "17"}),
        ("message", {"text": "hello", "conversation": CHANNEL, "entities": [mention], "team": team}),
        ("installationUpdate", {"action": "add"}),
        ("installationUpdate", {"action": "remove", "conversation": CHANNEL}),
        ("conversationUpdate", {"membersAdded": ADDED, "conversation": CHANNEL}),
        ("conversationUpdate", {"membersRemoved": ADDED, "membersAdded": []}),
        ("messageReaction", {"reactionsAdded": [{"type": "like"}], "conversation": CHANNEL, "replyToId": "17"}),
        ("event", {"name": "application/vnd.microsoft.meetingStart", "value": start, "conversation": MEETING}),
        ("event", {"name": "application/vnd.microsoft.meetingEnd", "value": start, "conversation": MEETING}),
        (
            "event",
            {
                "name": "application/vnd.microsoft.meetingParticipantJoin",
                "value": {"members": [MEMBER]},
                "conversation": MEETING,
            },
        ),
        ("typing", {}),
        ("endOfConversation", {"code": "x"}),
    ]
    return [make(kind, serviceUrl=f"{url}/connector/", **parts) for kind, parts in kinds]


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a JSON value."""
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*before, key)
        yield from paths(inner, (*before, key))


def confused(body: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    """Replace one part of *body*, which may be gone by now."""
    changed = copy.deepcopy(body)
    at: Any = changed
    for key in path[:-1]:
        if not _holds(at, key):
            return changed
        at = at[key]
    if isinstance(at, dict) or _holds(at, path[-1]):
        at[path[-1]] = junk
    return changed


def _holds(at: Any, key: Any) -> bool:
    if isinstance(at, list):
        return isinstance(key, int) and key < len(at)
    return isinstance(at, dict) and key in at


@dataclass
class Arrived:
    """Be what the handler reads of a request, without a socket."""

    headers: CIMultiDict[str]
    body: bytes
    content_type: str = "application/json"

    async def read(self) -> bytes:
        return self.body


class Endpoint:
    """Call the handler as the server would."""

    def __init__(self, messages: Messages, token: str):
        self._messages = messages
        self._headers = CIMultiDict({"Authorization": f"Bearer {token}"})
        self.statuses: Counter[int] = Counter()

    async def send(self, body: object) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request: Any = Arrived(self._headers, data)
        status = (await self._messages.take(request)).status
        self.statuses[status] += 1
        return status


@asynccontextmanager
async def endpoint(issuer: Any, settings: Any, said: Any) -> AsyncIterator[Endpoint]:
    async with FakeContext(settings=settings) as context:
        reach = Outbound(context).reach
        # what is remembered is the real thing; only what would be sent is not
        for name in ("installed", "uninstalled", "installed_by_us", "heard", "meeting_seen"):
            setattr(said, name, getattr(reach, name))
        yield Endpoint(Messages(context, said), issuer.token())


async def test_every_part_of_every_activity_may_be_anything(
    issuer: Any, settings_of: Make, said: Any, activity_of: Make
) -> None:
    async with issuer.serve(), endpoint(issuer, settings_of(issuer.url), said) as bot:
        genuine = bodies(activity_of, issuer.url)
        for body in genuine:
            assert await bot.send(body) == (400 if body.get("name") == "task/fetch" else 200)
        for body in genuine:
            for path, junk in itertools.product(paths(body), JUNK):
                assert await bot.send(confused(body, path, junk)) < 500, (path, junk)
        assert bot.statuses.total() > 5_000
        assert bot.statuses[200] > 1_000


async def test_several_parts_at_once(issuer: Any, settings_of: Make, said: Any, activity_of: Make) -> None:
    async with issuer.serve(), endpoint(issuer, settings_of(issuer.url), said) as bot:
        genuine = bodies(activity_of, issuer.url)
        ways = [list(paths(body)) for body in genuine]
        assert await bot.send(genuine[0]) == 200
        drawn: list[bytes] = []
        await asyncio.to_thread(_draw, genuine, ways, drawn)
        assert len(drawn) >= 500
        for body in drawn:
            assert await bot.send(body) < 500, body[:2_000]


def _draw(genuine: list[dict[str, Any]], ways: list[list[tuple[Any, ...]]], drawn: list[bytes]) -> None:
    junk = st.sampled_from(JUNK) | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    change = st.tuples(st.integers(0, 10_000), junk)
    one = st.tuples(st.integers(0, len(genuine) - 1), st.lists(change, min_size=1, max_size=5))

    @given(st.lists(one, min_size=10, max_size=20))
    @examples(
        max_examples=60,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def draw(several: list[tuple[int, list[tuple[int, Any]]]]) -> None:
        for number, changes in several:
            body = genuine[number]
            for way, value in changes:
                body = confused(body, ways[number][way % len(ways[number])], value)
            drawn.append(json.dumps(body).encode())

    draw()
