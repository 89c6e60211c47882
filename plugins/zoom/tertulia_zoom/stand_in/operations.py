"""The operations that the stand-in carries out, each registered under the template of Zoom's own description."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from tertulia_zoom.stand_in.state import Town

Body: TypeAlias = dict[str, Any]
PAGE, LARGEST_PAGE = 30, 300


class Failed(Exception):
    """Answer with a status and one of Zoom's own codes."""

    def __init__(self, status: int, code: int, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Call:
    """Hold one request: the ids of its path, decoded, its query and its body."""

    town: Town
    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    def page(self, name: str, rows: list[Body]) -> Body:
        """Return a page of *rows* with a token for the next one."""
        size = min(int(self.query.get("page_size", PAGE)), LARGEST_PAGE)
        start = self.town.page_start(self.query.get("next_page_token", ""))
        more = self.town.page_token(start + size) if start + size < len(rows) else ""
        count = -(-len(rows) // size)
        head = {"page_count": count, "page_size": size, "total_records": len(rows), "next_page_token": more}
        return {**head, name: rows[start : start + size]}


Handler: TypeAlias = Callable[[Call], tuple[int, Body | None]]


@dataclass(frozen=True)
class Known:
    """Hold an operation: whose token it takes, and what carries it out."""

    method: str
    template: str
    credentials: str
    handler: Handler


_KNOWN: list[tuple[re.Pattern[str], Known]] = []


def operation(method: str, template: str, *, credentials: str = "server") -> Callable[[Handler], Handler]:
    """Register what carries out an operation; it returns the status and the body, or raises `Failed`."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))
        _KNOWN.append((pattern, Known(method, template, credentials, handler)))
        return handler

    return register


def find(method: str, raw_path: str) -> tuple[Known, tuple[str, ...]] | None:
    """Return the operation of a path as it was sent, with its ids decoded once by the server and once by Zoom."""
    for pattern, known in _KNOWN:
        found = pattern.fullmatch(raw_path)
        if found and known.method == method:
            return known, tuple(unquote(unquote(one)) for one in found.groups())
    return None
