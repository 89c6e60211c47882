"""The console: what those who run a workspace see and change, under `/workspaces/{workspace}`."""

from __future__ import annotations

from aiohttp import web

from tertulia.web.console import (
    api_tokens,
    audit_log,
    exports,
    host,
    installed,
    members,
    program,
    proposals,
    role_list,
    rounds,
    start,
    surveys,
    workspace_settings,
)

GOVERNING = (proposals, role_list, workspace_settings, exports, api_tokens)
"""Who may do what, and what takes two of them."""


def attach(app: web.Application) -> None:
    """Add the console's pages."""
    for part in (start, host, program, rounds, surveys, members, installed, *GOVERNING, audit_log):
        part.attach(app)
