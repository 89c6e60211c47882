"""What goes to Trello and what the stand-in answers, against Atlassian's own description and trello.js's schemas."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tertulia import OperatorError, Place, Unreachable, new_id
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_trello.client import Client
from tertulia_trello.stand_in.server import Arrival

CONTRACTS = Path(os.environ.get("TERTULIA_CONTRACTS", Path(__file__).parents[3].parent / "shared" / "contracts"))
SPEC, SCHEMAS = CONTRACTS / "trello/trello.swagger.v3.json", CONTRACTS / "trello/trello.js-2.2.0.zod-jsonschemas.json"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="the vendors' contracts are not beside this repository; set TERTULIA_CONTRACTS"
)
ANSWERS = {
    "/members/me": "Member",
    "/organizations/{id}/members": "Member",
    "/organizations/{id}/boards": "Board",
    "/boards/{id}": "Board",
    "/boards/{id}/members": "Member",
    "/boards/{id}/lists": "TrelloList",
    "/boards/{id}/actions": "Action",
    "/lists": "TrelloList",
    "/labels": "Label",
    "/boards/{id}/labels": "Label",
    "/cards": "Card",
    "/cards/{id}": "Card",
    "/cards/{id}/actions": "Action",
    "/cards/{id}/actions/comments": "Action",
    "/cards/{id}/checklists": "Checklist",
    "/checklists/{id}/checkItems": "CheckItem",
    "/actions/{id}/reactions": "Reaction",
    "/tokens/{token}": "Token",
    "/tokens/{token}/webhooks": "Webhook",
    "/webhooks/": "Webhook",
    "/webhooks/{id}": "Webhook",
}


@pytest.fixture(scope="module")
def openapi() -> OpenAPI:
    document = json.loads(SPEC.read_text())
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                # several are not of their own type, such as a string whose default is false
                parameter.get("schema", {}).pop("default", None)
                # a due date is described as a day, but Trello gives and takes the instant that its boards show
                if parameter.get("name") == "due":
                    parameter["schema"]["format"] = "date-time"
    document["components"]["schemas"]["Card"]["properties"]["due"]["format"] = "date-time"
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


@pytest.fixture(scope="module")
def schemas() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(SCHEMAS.read_text())
    return found


class Sent:
    """Show an arrival to openapi-core; key and token stand in the header, which the description does not know."""

    content_type = "application/json"

    def __init__(self, arrival: Arrival, **more: str):
        self.host_url, self.path = "https://api.trello.com", f"/1{arrival.path}"
        self.method, self.arrival = arrival.method.lower(), arrival
        query = {**arrival.query, **more, "key": "0" * 32, "token": "0" * 64}
        self.full_url_pattern = f"{self.host_url}{self.path}?{urlencode(query)}"
        self.parameters = RequestParameters(query=ImmutableMultiDict(query), header=Headers())

    @property
    def body(self) -> bytes | None:
        return json.dumps(self.arrival.body).encode() if self.arrival.body else None


class Got:
    """Show an answer to openapi-core."""

    content_type = "application/json"

    def __init__(self, arrival: Arrival):
        self.status_code, self.data, self.headers = arrival.status, arrival.answer, Headers()


async def everything(bench: Any) -> list[Arrival]:
    """Use every operation of the client once and return what arrived."""
    town, client = bench.town, Client(bench.context, bench.context.settings)
    card = town.card(bench.ana, town.add_list(bench.board, "To do"), "Card")
    comment = town.comment(bench.ana, card, "words @ben")
    town.join(bench.ana, card, bench.ben)
    await client.me()
    await client.token()
    await client.workspace_members(town.workspace)
    await client.workspace_boards(town.workspace)
    await client.board(bench.board)
    await client.board_members(bench.board)
    await client.board_lists(bench.board)
    made = await client.create_list(bench.board, "Rituals")
    label = await client.create_label(bench.board, "Tertulia")
    await client.board_labels(bench.board)
    due = bench.clock.now()
    ours = await client.create_card(made, "Name", "Text", label=label, members=[bench.ana], due=due)
    await client.card(ours)
    await client.change_card(ours, text="More")
    checklist = await client.create_checklist(ours, "Tick")
    await client.create_check_item(checklist, "One")
    await client.comment(ours, "A comment")
    await client.react(comment, "+1", "👍", "1F44D")
    await client.reactions(comment)
    low, high = "0" * 24, "f" * 24
    await client.board_actions(bench.board, ["commentCard"], since=low, before=high, limit=1000)
    await client.card_actions(card, ["commentCard"], 0)
    hook = "d" * 24
    known = {"idModel": bench.board, "callbackURL": "https://t.example/hooks/trello/1", "description": ""}
    state = {"active": False, "consecutiveFailures": 3, "firstConsecutiveFailDate": None}
    town.webhooks[hook] = {"id": hook, **known, **state}
    await client.webhooks()
    await client.enable_webhook(hook)
    await client.delete_webhook(hook)
    with pytest.raises(OperatorError):
        await client.create_webhook("http://127.0.0.1:9/hooks/trello/1", bench.board)
    await client.change_card(ours, closed=True, done=True)
    return list(bench.server.journal)


def described(arrival: Arrival) -> str:
    """Return the path of an arrival with names for its ids."""
    parts = arrival.path.split("/")
    shown = ["{token}" if len(part) >= 64 else "{id}" if len(part) == 24 else part for part in parts]
    return "/".join(shown)


async def test_every_operation_is_what_atlassian_describes(
    open_bench: Any, openapi: OpenAPI, schemas: Mapping[str, Any]
) -> None:
    async with open_bench() as bench:
        arrivals = await everything(bench)
        for arrival in arrivals:
            openapi.validate_request(Sent(arrival))
        good = [one for one in arrivals if one.status == 200]
        for arrival in good:
            if described(arrival) not in ("/boards/{id}/members",):
                openapi.validate_response(Sent(arrival), Got(arrival))
            if arrival.method == "DELETE":
                continue
            schema, answer = schemas[ANSWERS[described(arrival)]], json.loads(arrival.answer)
            for item in answer if isinstance(answer, list) else [answer]:
                Draft202012Validator(schema).validate(item)
        assert {described(one) for one in arrivals} == set(ANSWERS)
        assert not any(bench.server.token in str(one.query) for one in arrivals)


async def test_what_the_description_requires_is_required(open_bench: Any, openapi: OpenAPI) -> None:
    """The checks above can fail: each required parameter left out is noticed, by the description and the stand-in."""
    async with open_bench() as bench:
        arrivals = [one for one in await everything(bench) if one.status == 200]
        required = {
            "/lists": {"name", "idBoard"},
            "/labels": {"name", "color", "idBoard"},
            "/cards": {"idList"},
            "/cards/{id}/actions/comments": {"text"},
            "/checklists/{id}/checkItems": {"name"},
        }
        for arrival in arrivals:
            for name in required.get(described(arrival), set()) if arrival.method == "POST" else set():
                less = {key: value for key, value in arrival.query.items() if key != name}
                cut = Arrival(**{**vars(arrival), "query": less})
                with pytest.raises(OpenAPIError):
                    openapi.validate_request(Sent(cut))
                headers = {
                    "authorization": f'OAuth oauth_consumer_key="{bench.server.key}", '
                    f'oauth_token="{bench.server.token}"'
                }
                url = f"{bench.server.url}/1{arrival.path}"
                async with bench.context.http.post(url, params=less, headers=headers) as answer:
                    assert answer.status == 400
        card = next(one for one in arrivals if (one.method, one.path) == ("POST", "/cards"))
        with pytest.raises(OpenAPIError):
            openapi.validate_request(Sent(card, idList="not-an-id"))


async def test_a_ritual_on_a_card_keeps_to_the_description(open_bench: Any, openapi: OpenAPI) -> None:
    async with open_bench() as bench:
        port, here = bench.platform.ritual, Place(platform="trello", ref=bench.board, kind="board")
        ref = await port.post(here, sample_prompt(), new_id())
        await port.refresh(ref, sample_prompt())
        await port.close(ref, summary_prompt())
        async for _ in bench.platform.participation.since(None, frozenset({here})):
            pass
        async for _ in bench.platform.directory.members(None):
            pass
        for arrival in bench.server.journal:
            openapi.validate_request(Sent(arrival))


async def test_foreign_keys_see_nothing(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.token = "ATTA" + "0" * 72
        client = Client(bench.context, bench.context.settings)
        with pytest.raises(OperatorError, match="api_key"):
            await client.me()
        bench.server.token = bench.context.settings.token.get_secret_value()
        with pytest.raises(Unreachable):
            await client.card("a" * 24)
