"""The description says what is served: every operation, every status, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from openapi_spec_validator import validate

from tertulia.services.tokens import SCOPES
from tertulia.web import access
from tertulia.web.api.description import describe
from tertulia.web.api.problems import CODES
from tertulia.web.api.routes import DESCRIPTION, OPERATIONS

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
Connect = Callable[..., Awaitable[Any]]
DOCS = Path(__file__).parents[4] / "docs" / "api.md"


def test_it_is_valid() -> None:
    validate(describe(OPERATIONS))


async def test_it_is_served_to_everybody_and_names_every_route(open_site: OpenSite) -> None:
    async with open_site() as site:
        async with site.client.get(site.base + DESCRIPTION) as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")
            described = await answer.json()
        routes = {(method, path) for method, path, rule in access.matrix(site.app) if rule.kind == "token"}
        named = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
        assert named == routes
        assert not [path for _, path, rule in access.matrix(site.app) if path.startswith("/api/") and not rule.why]


def test_every_operation_tells_its_scope_its_statuses_and_its_schemas() -> None:
    described = describe(OPERATIONS)
    names = [one.name for one in OPERATIONS]
    assert len(set(names)) == len(names)
    assert {one.scope for one in OPERATIONS} == {"", *SCOPES}
    for one in OPERATIONS:
        told = described["paths"]["/api/v1" + one.path][one.method.lower()]
        assert told["security"] == [{"token": [one.scope] if one.scope else []}]
        statuses = {"200", "400", "401", "403", "404", "408", "413", "415", "422", "429", "503"}
        assert set(told["responses"]) == statuses | ({"412", "428"} if one.versioned else set())
        for status, response in told["responses"].items():
            kind = "application/json" if status == "200" else "application/problem+json"
            if status == "200" and one.files:
                assert set(response["content"]) == {"text/csv", "application/vnd.apache.parquet"}
                continue
            assert set(response["content"]) == ({kind, "text/plain"} if status == "400" else {kind})
            assert response["content"][kind]["schema"]["$ref"].startswith("#/components/schemas/")
    every = {str(status) for status, _ in CODES.values()} - {"405", "500"}
    assert every == {
        status for methods in described["paths"].values() for one in methods.values() for status in one["responses"]
    } - {"200"}


def test_the_page_for_people_has_every_scope_and_operation() -> None:
    text = DOCS.read_text()
    for scope in SCOPES:
        assert f"`{scope}`" in text
    for one in OPERATIONS:
        path = one.path.replace("/workspaces/{workspace}", "")
        assert one.name in text, path
    for code in CODES:
        assert f"`{code}`" in text
