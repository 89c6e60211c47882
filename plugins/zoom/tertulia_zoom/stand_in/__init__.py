"""Zoom on loopback: tokens, operations, meetings that take place, signed events, and faults on request."""

from __future__ import annotations

from tertulia_zoom.stand_in.server import Arrival, ZoomServer
from tertulia_zoom.stand_in.state import Town

__all__ = ["Arrival", "Town", "ZoomServer"]
