"""The whole API explored by schemathesis over real HTTP: it never fails, and answers as its description says."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import hypothesis
import pytest
import schemathesis
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi_checks

from tertulia.web import app
from tertulia.web.api.routes import DESCRIPTION, OPERATIONS
from tertulia.web.buckets import Buckets

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
MakeToken = Callable[..., Awaitable[str]]
SEED = 20261122
TOLD = 1500
"""Letters of a fault that are shown."""
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]


@asynccontextmanager
async def served(site: Any) -> AsyncIterator[str]:
    """Serve the site once more, to callers without a limit, and yield its address."""
    made = app.build(site.runtime, wall=site.wall, wait=0.0, calls=Buckets(10**9, 1.0))
    server = TestServer(made)
    await server.start_server(access_log=None, keepalive_timeout=1.0)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def names_of(tenant: Any) -> dict[str, list[str]]:
    """Return what stands in paths: mostly what is there, else what is not."""
    return {
        "workspace": [tenant.workspace],
        "round": [tenant.rounds["ask"], tenant.rounds["poll"], "0" * 32, "%00", "ä"],
        "plugin": ["web", "panel", "nothing"],
        "version": ["1", "2", "9", "x"],
        "recommendation": ["0" * 32],
        "export": ["surveys", "rounds", "people", "nothing"],
    }


def explore(base: str, token: str, names: dict[str, list[str]], seed: int, rounds: int, examples: int) -> list[str]:
    """Send every operation sound and broken requests; return what is not as described."""
    schema = schemathesis.openapi.from_url(base + DESCRIPTION)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} == {
        (one.method, "/api/v1" + one.path) for one in OPERATIONS
    }
    drawn, faults = random.Random(seed), []
    for at in range(rounds):
        for one in operations:
            for mode in GenerationMode:
                chosen = {
                    each.name: drawn.choice(names[each.name]) if at else names[each.name][0]
                    for each in one.path_parameters
                }
                try:
                    _try(one.as_strategy(generation_mode=mode, path_parameters=chosen), base, token, seed, examples)
                except (Exception, FailureGroup) as fault:
                    faults.append(f"{one.label} {mode.value} {chosen}: {fault!r:.{TOLD}} {fault!s:.{TOLD}}")
    return faults


def _try(cases: Any, base: str, token: str, seed: int, examples: int) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=cases)
    def run(case: Any) -> None:
        answer = case.call(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=120)
        # a text beyond its limit may make the body too large, which is a refusal that its check does not know
        known = [
            one for one in CHECKS if answer.status_code != 413 or one is not openapi_checks.negative_data_rejection
        ]
        case.validate_response(answer, checks=known)

    run()


async def test_it_keeps_to_its_description(open_site: OpenSite, make_token: MakeToken) -> None:
    print(f"seed {SEED}")
    async with open_site() as site:
        acme = site.tenants["Acme"]
        token = await make_token(site, acme)
        async with served(site) as base:
            faults = await asyncio.to_thread(explore, base, token, names_of(acme), SEED, 1, 2)
    assert not faults, "\n\n".join(faults)


@pytest.mark.campaign
async def test_it_keeps_to_its_description_for_long(open_site: OpenSite, make_token: MakeToken) -> None:
    seed = int(os.environ.get("TERTULIA_SEED") or secrets.randbelow(2**32))
    print(f"seed {seed}")
    async with open_site() as site:
        acme = site.tenants["Acme"]
        token = await make_token(site, acme)
        async with served(site) as base:
            faults = await asyncio.to_thread(explore, base, token, names_of(acme), seed, 3, 30)
    assert not faults, "\n\n".join(faults)
