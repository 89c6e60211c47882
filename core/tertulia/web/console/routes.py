"""The console: what those who run a workspace see and change, under `/workspaces/{workspace}`."""

from __future__ import annotations

from aiohttp import web

from tertulia.web.console import audit_log, installed, members, program, rounds, start


def attach(app: web.Application) -> None:
    """Add the console's pages."""
    for part in (start, program, rounds, members, installed, audit_log):
        part.attach(app)
