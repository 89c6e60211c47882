"""What goes to Zoom, what the stand-in answers and posts, against Zoom's own descriptions and rivet's types."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from jsonschema import Draft7Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tertulia_zoom.account import Account
from tertulia_zoom.limits import Rate
from tertulia_zoom.stand_in import Arrival
from tertulia_zoom.transport import Meetings, Users

CONTRACTS = Path(os.environ.get("TERTULIA_CONTRACTS", Path(__file__).parents[3].parent / "shared" / "contracts"))
ZOOM = CONTRACTS / "zoom"
SPEC, INVENTORY = (
    ZOOM / "ZoomMeetingAPISpec-2023-10.sane.openapi3.json",
    ZOOM / "zoom-api-hub-endpoint-inventory-2026-07.json",
)
LABELS = ZOOM / "rate-limit-labels-2023.json"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="the vendors' contracts are not beside this repository; set TERTULIA_CONTRACTS"
)
HARD = "/4444AAA//iAi+AiiAii=="
RATES = {
    ("GET", "/users"): Rate.MEDIUM,
    ("GET", "/users/{userId}"): Rate.LIGHT,
    ("POST", "/users/{userId}/meetings"): Rate.MEDIUM,
    ("GET", "/meetings/{meetingId}"): Rate.LIGHT,
    ("PATCH", "/meetings/{meetingId}"): Rate.LIGHT,
    ("DELETE", "/meetings/{meetingId}"): Rate.LIGHT,
    ("GET", "/metrics/meetings/{meetingId}/participants"): Rate.HEAVY,
    ("GET", "/past_meetings/{meetingId}"): Rate.LIGHT,
    ("GET", "/past_meetings/{meetingId}/instances"): Rate.MEDIUM,
    ("GET", "/past_meetings/{meetingId}/participants"): Rate.MEDIUM,
    ("GET", "/report/meetings/{meetingId}/participants"): Rate.HEAVY,
    ("GET", "/report/users/{userId}/meetings"): Rate.HEAVY,
}
"""Every operation that goes through zoomus, and the class we count it in."""


@pytest.fixture(scope="module")
def openapi() -> OpenAPI:
    document = json.loads(SPEC.read_text())
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)  # OAuth is a scheme that openapi-core does not check
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


class Sent:
    """Show an arrival to openapi-core, which wants ids encoded once where Zoom wants them encoded twice."""

    content_type = "application/json"

    def __init__(self, arrival: Arrival, **more: str):
        path = "/".join(_once(part) for part in arrival.path.split("/"))
        self.host_url, self.path = "https://api.zoom.us", f"/v2{path}"
        self.method, self.arrival = arrival.method.lower(), arrival
        query = {**arrival.query, **more}
        self.full_url_pattern = f"{self.host_url}{self.path}?{urlencode(query)}"
        self.parameters = RequestParameters(query=ImmutableMultiDict(query), header=Headers())

    @property
    def body(self) -> bytes | None:
        return None if self.arrival.body is None else json.dumps(self.arrival.body).encode()


class Got:
    """Show an answer to openapi-core."""

    content_type = "application/json"

    def __init__(self, arrival: Arrival):
        self.status_code, self.data, self.headers = arrival.status, arrival.answer, Headers()


def _once(part: str) -> str:
    return unquote(part) if "%25" in part else part


async def everything(bench: Any) -> list[Arrival]:
    """Use every operation of the account once and return what arrived."""
    account: Account = bench.desk.account
    ana = bench.users[0]
    instance = bench.server.meetings.start(bench.number, uuid=HARD)
    for user in bench.users:
        bench.server.meetings.join(instance, user)
    bench.clock.advance(timedelta(minutes=20))
    _ = [page async for page in account.present(HARD)]
    bench.server.meetings.end(instance)
    _ = [page async for page in account.users()]
    _ = [page async for page in account.users("inactive")]
    await account.user(ana)
    made = await account.create_meeting(ana, {"topic": "Café", "type": 2, "duration": 30}, datetime.now(UTC))
    await account.change_meeting(str(made["id"]), {"topic": "Tea"})
    await account.meeting(str(made["id"]))
    await account.past_meeting(HARD)
    await account.past_meeting(bench.number)
    await account.instances(bench.number)
    _ = [page async for page in account.participants(HARD)]
    _ = [page async for page in account.reported_participants(HARD)]
    first, last = date(2026, 1, 1), date(2026, 1, 31)
    _ = [page async for page in account.reported_meetings(ana, first, last)]
    await account.delete_meeting(str(made["id"]))
    return list(bench.server.journal)


async def test_every_operation_is_what_zoom_describes(open_bench: Any, openapi: OpenAPI) -> None:
    async with open_bench() as bench:
        arrivals = await everything(bench)
        for arrival in arrivals:
            openapi.validate_request(Sent(arrival))
            if arrival.answer:
                openapi.validate_response(Sent(arrival), Got(arrival))
        assert {(one.method, one.template) for one in arrivals} == set(RATES)
        encoded = [one.path for one in arrivals if "%25" in one.path]
        assert len(encoded) == 4
        assert all("%252F4444AAA%252F%252FiAi%252BAiiAii%253D%253D" in path for path in encoded)


async def test_the_descriptions_refuse_what_zoomus_sends_by_itself(open_bench: Any, openapi: OpenAPI) -> None:
    """The checks above can fail: days as instants, a page too large, a type that is none, a body that is no body."""
    async with open_bench() as bench:
        arrivals = {(one.method, one.template): one for one in await everything(bench)}
        report = arrivals["GET", "/report/users/{userId}/meetings"]
        with pytest.raises(OpenAPIError):
            openapi.validate_request(Sent(report, **{"from": "2026-01-01T00:00:00Z"}))
        with pytest.raises(OpenAPIError):
            openapi.validate_request(Sent(report, page_size="301"))
        created = arrivals["POST", "/users/{userId}/meetings"]
        wrong = Arrival(**{**vars(created), "body": {**created.body, "type": 9}})
        with pytest.raises(OpenAPIError):
            openapi.validate_request(Sent(wrong))
        listed = arrivals["GET", "/past_meetings/{meetingId}/instances"]
        bad = Arrival(**{**vars(listed), "answer": b'{"meetings": [{"uuid": 7}]}'})
        with pytest.raises(OpenAPIError):
            openapi.validate_response(Sent(bad), Got(bad))


def test_every_operation_still_exists_and_is_counted_in_its_class() -> None:
    inventory = json.loads(INVENTORY.read_text())["products"]
    known = {(one["method"], one["path"]) for product in inventory.values() for one in product["operations"]}
    labels: Mapping[str, str] = json.loads(LABELS.read_text())
    for (method, template), rate in RATES.items():
        assert (method, template) in known
        label = labels.get(f"{method} {template}")
        assert label is not None, (method, template)
        assert label.upper() == rate.name, (method, template)


async def test_each_call_waits_for_its_own_class(open_bench: Any) -> None:
    async with open_bench() as bench:
        await everything(bench)
        classes = [key.rpartition(":")[2] for one in bench.context.limiter.acquired for key in one]
        wanted = [RATES[one.method, one.template].value for one in bench.server.journal]
        assert [name for name in classes if name != "daily"] == wanted
        assert classes.count("daily") == wanted.count("heavy")  # on a paid plan these are counted by the day, too
        assert not any(bench.town.account in key for one in bench.context.limiter.acquired for key in one)


async def test_what_is_posted_is_what_rivet_types_say(open_bench: Any) -> None:
    schema = json.loads((ZOOM / "rivet-0.4.0-events-meetings.schema.json").read_text())
    names = {
        definition["properties"]["event"]["const"]: name
        for name, definition in schema["definitions"].items()
        if "const" in definition.get("properties", {}).get("event", {})
    }
    async with open_bench() as bench:
        bench.server.sender.fate = "held"
        meetings = bench.server.meetings
        instance = meetings.start(bench.number, uuid=HARD)
        stay = meetings.join(instance, bench.users[0])
        meetings.join(instance, name="A guest")
        inside = meetings.enter(instance, stay, "room-1")
        meetings.leave(instance, meetings.exit(instance, inside))
        meetings.end(instance)
        told = bench.server.sender.held
        assert len({event["event"] for event in told}) == 6
        for event in told:
            mine = {**schema, "$ref": f"#/definitions/{names[event['event']]}"}
            Draft7Validator(mine).validate(event)
            wrong = json.loads(json.dumps(event))
            del wrong["payload"]["object"]["uuid"]
            assert not Draft7Validator(mine).is_valid(wrong)


def test_zoomus_is_what_builds_the_requests() -> None:
    assert {kind.__mro__[2].__module__.partition(".")[0] for kind in (Users, Meetings)} == {"zoomus"}
