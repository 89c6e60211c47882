"""What operators ask: liveness, readiness and figures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from tertulia.web import operation

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
TOKEN = "t" * 30


async def test_a_ready_service_says_so(open_site: OpenSite) -> None:
    async with open_site() as site:
        assert (await site.visitor().get("/healthz")).status == 200
        assert (await site.visitor().get("/readyz")).status == 200


async def test_an_old_schema_is_not_ready(open_site: OpenSite) -> None:
    async with open_site() as site:
        async with site.runtime.database.write() as tx:
            await tx.execute(sa.text("UPDATE alembic_version SET version_num = 'old'"))
        answer = await site.visitor().get("/readyz")
        assert (answer.status, await answer.text()) == (503, "schema\n")
        assert (await site.visitor().get("/healthz")).status == 200


async def test_a_missing_table_is_not_ready(open_site: OpenSite) -> None:
    async with open_site() as site:
        async with site.runtime.database.write() as tx:
            await tx.execute(sa.text("DROP TABLE stamp"))
        assert await operation.unready(site.runtime) == "database"


async def test_figures_name_templates_and_states(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await site.visitor().get(f"/answer/{acme.rounds['ask']}")
        text = await (await site.visitor().get("/metrics")).text()
        assert 'tertulia_requests_total{method="GET",route="/answer/{round}",status="404"} 1.0' in text
        assert 'tertulia_rounds{state="open"} 4.0' in text
        assert 'tertulia_deliveries{state="planned"}' in text
        assert acme.rounds["ask"] not in text
        assert "Canary" not in text


async def test_figures_are_for_this_machine_or_the_token(open_site: OpenSite) -> None:
    async with open_site(metrics_token=TOKEN) as site:
        visitor = site.visitor()
        forwarded = {"X-Forwarded-For": "203.0.113.1"}
        assert (await visitor.get("/metrics")).status == 200
        assert (await visitor.get("/metrics", **forwarded)).status == 404
        assert (await visitor.get("/metrics", **forwarded, Authorization="Bearer wrong")).status == 404
        assert (await visitor.get("/metrics", **forwarded, Authorization=f"Bearer {TOKEN}")).status == 200
