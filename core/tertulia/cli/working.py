"""`tertulia worker`: one more process beside the service, on PostgreSQL."""

from __future__ import annotations

import click

from tertulia.cli import serving


@click.command("worker")
def command() -> None:
    """Run one more process of work beside the service, without web pages.

    It needs PostgreSQL, and the same key file and key store as the service.
    """
    serving.run(serves=False)
