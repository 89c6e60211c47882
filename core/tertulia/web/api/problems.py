"""Every error of the API as a problem document (RFC 9457): a code that stays, the field at fault, and the cure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

ABOVE = "/api/"
TYPE = "application/problem+json"
CODES: Mapping[str, tuple[int, str]] = {
    "unreadable": (400, "The request could not be read; send what the description says."),
    "token_needed": (401, "Send a token, as Authorization: Bearer …; owners and admins make one in the console."),
    "token_unknown": (401, "This token is unknown, expired or revoked; make a new one in the console."),
    "scope_missing": (403, "This token was not made for that; make one with the scope that is named here."),
    "role_missing": (403, "Whoever made this token does not have the role that is needed any more."),
    "forbidden": (403, "This is not allowed."),
    "not_found": (404, "There is nothing here, or it is not in the workspace of this token."),
    "method_not_allowed": (
        405,
        "This address does not take that method; the header Allow names those that it takes.",
    ),
    "too_slow": (408, "Sending took too long; send it again, all at once."),
    "version_changed": (412, "Somebody changed it meanwhile; read it again, and send If-Match with its new ETag."),
    "too_large": (413, "That is too much to send at once; divide it."),
    "media_type": (415, "That kind of content is not taken here; send the type that the description names."),
    "invalid": (422, "Something that was sent does not fit; the errors name each field and what it must be."),
    "refused": (422, "This cannot be done; the detail says why and what to do."),
    "key_reused": (422, "This Idempotency-Key came with another change before; send a new key."),
    "version_needed": (428, "Send If-Match with the ETag that reading it gave, so that nobody's change is lost."),
    "too_many": (429, "Too many requests; wait for the seconds that Retry-After says."),
    "failed": (500, "Something went wrong on our side. Nothing was lost that had been confirmed."),
    "unavailable": (503, "The service cannot answer just now; wait for the seconds that Retry-After says."),
}
"""Codes with their status, and what to do where the case itself has no better words."""
BY_STATUS = {
    400: "unreadable",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "media_type",
    422: "refused",
    429: "too_many",
    503: "unavailable",
}


class Fault(BaseModel):
    """Name one field at fault: where it is, what is wrong, and what it must be."""

    field: str = Field(description="where: in the body a path with dots, or the name of a parameter")
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """What went wrong, and how to mend it."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    code: str = Field(json_schema_extra={"enum": list(CODES)})
    detail: str
    errors: list[Fault]


class Problem(Exception):
    """End a request with a problem document."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(code)
        self.code, self.detail, self.errors, self.headers = code, detail, tuple(errors), dict(headers or {})


def concerns(request: web.Request) -> bool:
    """Tell whether a request was meant for the API."""
    return request.path.startswith(ABOVE)


def answer(problem: Problem) -> web.Response:
    """Write a problem down."""
    status, sentence = CODES[problem.code]
    document = ProblemDocument(
        type=f"urn:tertulia:problem:{problem.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=problem.code,
        detail=problem.detail or sentence,
        errors=list(problem.errors),
    )
    # ASCII alone: a detail may quote a lone surrogate that somebody sent
    body = json.dumps(document.model_dump()).encode()
    return web.Response(body=body, status=status, content_type=TYPE, headers=problem.headers)


def of_status(status: int, sentence: str | None, headers: Mapping[str, str]) -> web.Response:
    """Write down what the edge refuses with *status*."""
    return answer(Problem(BY_STATUS.get(status, "failed"), sentence, headers=headers))
