"""What surrounds every handler: the log line, the figures, the error pages and the limit on slow bodies."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from http import HTTPStatus

import sqlalchemy.exc
from aiohttp import web
from aiohttp.typedefs import Handler as Next

from tertulia.errors import Mistake, Refused
from tertulia.web import pages, uploads
from tertulia.web.api import problems
from tertulia.web.api.problems import Problem
from tertulia.web.state import REQUESTS, TEMPLATE

log = logging.getLogger("tertulia.web")
BODY_SECONDS = 10.0
REFUSED_METHODS = frozenset({"TRACE", "TRACK", "CONNECT"})
TITLES = {status.value: status.phrase for status in HTTPStatus} | {
    404: "Nothing to see here",
    422: "That did not work",
}
SENTENCES = {
    400: "The request could not be read.",
    403: "This is not allowed.",
    404: "There is nothing here, or it is not yours to see. A personal link ends some days after its round closed.",
    405: "This page does not take that kind of request.",
    408: "Sending took too long.",
    413: "That is too much to send at once.",
    415: "That kind of content is not taken here.",
    429: "Too many attempts. Wait a minute and try again.",
    500: "Something went wrong on our side. Nothing was lost that had been confirmed.",
    503: "The service cannot answer just now. Try again in a moment.",
}


@web.middleware
async def observe(request: web.Request, handler: Next) -> web.StreamResponse:
    """Log and count a request by its path template; never its query, its path or who sent it."""
    started = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    template = request.get(TEMPLATE) or (resource.canonical if resource else "unknown")
    method = request.method if request.method.isalpha() and len(request.method) < 10 else "OTHER"
    request.app[REQUESTS].labels(method, template, str(response.status)).inc()
    elapsed = round((time.perf_counter() - started) * 1000)
    fields = {"method": method, "template": template, "status": response.status, "ms": elapsed}
    log.info("%s %s %s %s ms", *fields.values(), extra=fields)
    return response


@web.middleware
async def explain(request: web.Request, handler: Next) -> web.StreamResponse:
    """Turn every failure into a page in the house style that tells nothing else."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return see_other(error.headers["Location"])
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return failure(request, error.status, headers=allowed)
    except Problem as problem:
        return problems.answer(problem)
    except Refused as error:
        return failure(request, error.status, str(error) if error.status == 403 else None)
    except Mistake as error:
        return failure(request, 422, str(error))
    except web.RequestPayloadError:
        response = failure(request, 400)
        response.force_close()
        return response
    except TimeoutError:
        log.warning("a request timed out")
        return failure(request, 503)
    except sqlalchemy.exc.DataError:
        # PostgreSQL keeps no NUL, wherever in a form or a path somebody puts it
        return failure(request, 400)
    except sqlalchemy.exc.DBAPIError as error:
        log.error("the database refused: %s", type(error.orig).__name__)
        return failure(request, 503)
    except sqlalchemy.exc.TimeoutError:
        log.error("no database connection was free in time")
        return failure(request, 503)
    except Exception as error:
        log.error("a handler failed: %s at %s", type(error).__name__, _frames(error))
        return failure(request, 500)


@web.middleware
async def receive(request: web.Request, handler: Next) -> web.StreamResponse:
    """Read the body before anything else happens, in limited time; the application limits its size.

    A form with a file waits until it is known who sent it.
    """
    if request.method in REFUSED_METHODS:
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
    if request.can_read_body and not uploads.takes_files(request):
        if request.content_type.startswith("multipart/"):
            raise web.HTTPUnsupportedMediaType
        try:
            async with asyncio.timeout(BODY_SECONDS):
                content = await request.read()
        except TimeoutError:
            response = failure(request, 408)
            response.force_close()
            return response
        _check_form(request.content_type, request.charset, content)
    return await handler(request)


def _check_form(content_type: str, charset: str | None, content: bytes) -> None:
    if content_type != "application/x-www-form-urlencoded":
        return
    if (charset or "utf-8").lower() != "utf-8":
        raise web.HTTPUnsupportedMediaType
    try:
        content.decode()
    except UnicodeDecodeError:
        raise web.HTTPBadRequest from None


def see_other(location: str) -> web.Response:
    """Return a redirect to *location*, a path of our own, for the browser to get."""
    return web.Response(status=303, headers={"Location": location})


def failure(
    request: web.Request, status: int, sentence: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    """Return the page of an error, for the API a document; equal for all with the same status and sentence."""
    headers = dict(headers or {})
    if status in (429, 503):
        headers["Retry-After"] = "60" if status == 429 else "5"
    if problems.concerns(request):
        return problems.of_status(status, sentence, headers)
    title = TITLES.get(status, "Error")
    response = pages.render(
        request, "failure.html", status=status, title=title, sentence=sentence or SENTENCES.get(status, title)
    )
    response.headers.update(headers)
    return response


def _frames(error: Exception) -> str:
    # places in the code only: an exception's message may hold somebody's answer
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
