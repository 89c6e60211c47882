"""Forms that carry a file: read in limited time and size, after the access to their route is known.

Only routes that ask for it take such forms. What the browser says of a file, its name and its type, is not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from tertulia.services.pictures import LARGEST

TYPE = "multipart/form-data"
FIELD_BYTES = 16_000
MOST_PARTS = 24
DRAINED = 4 * LARGEST
"""Bytes that are read of a file that is too large, so that its sender gets to see why it was not taken."""
SECONDS = 60.0
CHUNK = 64 * 1024
ROUTES: web.AppKey[set[web.AbstractRoute]] = web.AppKey("uploading", set)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Hold a form as it was sent: texts by name, and the file, empty where there is none, `None` where too large."""

    texts: Mapping[str, str]
    file: bytes | None = b""


UPLOAD = web.RequestKey("upload", Upload)


def takes_files(request: web.Request) -> bool:
    """Tell whether the request carries such a form to a route that takes it."""
    return request.content_type == TYPE and request.match_info.route in request.app.get(ROUTES, set())


async def read(request: web.Request) -> Upload:
    """Read the form; raises the HTTP error that says what is wrong with it."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _read(request)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, AssertionError, UnicodeDecodeError, LookupError):
        raise web.HTTPBadRequest from None


async def _read(request: web.Request) -> Upload:
    texts: dict[str, str] = {}
    file: bytes | None = b""
    parts = await request.multipart()
    for _ in range(MOST_PARTS):
        part = await parts.next()
        if part is None:
            return Upload(texts=texts, file=file)
        if not isinstance(part, BodyPartReader) or not part.name:
            raise web.HTTPBadRequest
        if part.filename is None:
            content = await _content(part, FIELD_BYTES, FIELD_BYTES)
            if content is None:
                raise web.HTTPRequestEntityTooLarge(FIELD_BYTES, FIELD_BYTES)
            texts[part.name] = content.decode()
        else:
            file = await _content(part, LARGEST, DRAINED)
    raise web.HTTPBadRequest


async def _content(part: BodyPartReader, limit: int, drained: int) -> bytes | None:
    """Return what a part holds, `None` where that is more than *limit*; more than *drained* is not read at all."""
    kept, size = bytearray(), 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > drained:
            raise web.HTTPRequestEntityTooLarge(limit, size)
        if size <= limit:
            kept += chunk
        else:
            kept.clear()
    return bytes(kept) if size <= limit else None
