"""Zoom for Tertulia: the hooks, and nothing but the hooks."""

from __future__ import annotations

from pydantic import BaseModel

from tertulia import hookimpl
from tertulia_zoom.config import Settings


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return what one workspace sets for Zoom."""
    return Settings
