"""Draw the app's icons when they are needed: two people's words that meet."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int, int]
ACCENT = "#4F52B2"
_BACK: Colour = (0x4F, 0x52, 0xB2, 255)
_WHITE: Colour = (255, 255, 255, 255)
_SHADE: Colour = (0xC5, 0xC8, 0xF2, 255)
_CLEAR: Colour = (255, 255, 255, 0)
FINE = 2
"""Samples per pixel and direction, which make edges smooth."""
TAIL = ((0.2, 0.9), (0.95, 0.2), (1.05, 1.1))


def colour() -> bytes:
    """Return the icon of 192 × 192 points, full of colour to its edges."""
    return png(192, _colour_at)


def outline() -> bytes:
    """Return the icon of 32 × 32 points: white lines on nothing."""
    return png(32, _outline_at)


def png(size: int, at: Callable[[float, float], Colour]) -> bytes:
    """Return a square picture whose colour *at* a place, from 0 to 1 each way, is known."""
    rows = bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            rows += _mixed([at(_place(x, i, size), _place(y, j, size)) for i in range(FINE) for j in range(FINE)])
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(bytes(rows), 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _place(pixel: int, sample: int, size: int) -> float:
    return (pixel + (sample + 0.5) / FINE) / size


def _mixed(colours: list[Colour]) -> bytes:
    alpha = sum(colour[3] for colour in colours)
    if alpha == 0:
        return bytes(_CLEAR)
    # weighed by opacity, so that what is clear does not tint the edge
    mixed = [round(sum(colour[part] * colour[3] for colour in colours) / alpha) for part in range(3)]
    return bytes([*mixed, round(alpha / len(colours))])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bubble(x: float, y: float, cx: float, cy: float, radius: float, lean: float) -> bool:
    """Tell whether a place is inside a speech bubble: a circle with a tail that leans to one side."""
    side, down = (x - cx) * lean / radius, (y - cy) / radius
    if side * side + down * down <= 1:
        return True
    # the tail is a triangle from two places inside the circle to its point
    return all(_left(side, down, TAIL[corner], TAIL[corner - 2]) for corner in range(3))


def _left(x: float, y: float, a: tuple[float, float], b: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0


def _colour_at(x: float, y: float) -> Colour:
    if _bubble(x, y, 0.40, 0.42, 0.20, -1):
        return _WHITE
    if _bubble(x, y, 0.62, 0.54, 0.20, 1):
        return _SHADE
    return _BACK


def _outline_at(x: float, y: float) -> Colour:
    near = _bubble(x, y, 0.36, 0.38, 0.29, -1)
    hollow = _bubble(x, y, 0.36, 0.38, 0.20, -1)
    far = _bubble(x, y, 0.64, 0.58, 0.29, 1) and not near
    inner = _bubble(x, y, 0.64, 0.58, 0.20, 1)
    return _WHITE if (near and not hollow) or (far and not inner) else _CLEAR
