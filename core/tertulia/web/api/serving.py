"""Carry an operation out: read and check what was sent, do it once in one transaction, and write the answer down."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tertulia.domain.identifiers import Json
from tertulia.services import replies
from tertulia.services.replies import Asked, Reused
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.web.access import register
from tertulia.web.api import bearer
from tertulia.web.api.bearer import CALLER
from tertulia.web.api.operations import ABOVE, Answer, Call, File, Operation
from tertulia.web.api.problems import Fault, Problem
from tertulia.web.state import RUNTIME, WALL

JSON = "application/json"
KEY = "Idempotency-Key"
LONGEST_KEY = 200


def attach(app: web.Application, operation: Operation) -> None:
    """Serve an operation."""
    register(app, operation.method, ABOVE + operation.path, partial(serve, operation), operation.access)


async def serve(operation: Operation, request: web.Request) -> web.Response:
    """Answer one request."""
    runtime, call = request.app[RUNTIME], await _call(operation, request)
    if operation.seldom:
        bearer.spend(request.app[bearer.READS], call.caller.token)
    match operation.mode:
        case "outside":
            return _response(await operation.handler(call))
        case "read":
            async with runtime.database.read() as tx:
                return _response(await operation.handler(replace(call, open=tx)))
    asked = _asked(request, call) if operation.repeatable else None
    async with runtime.database.write() as tx:
        kept = None if asked is None else await _known(request, tx, asked)
        if kept is not None:
            return _replayed(kept)
        answer = await operation.handler(replace(call, open=tx))
        if asked is not None and isinstance(answer, Answer):
            await replies.keep(runtime, tx, asked, _kept(answer))
    if isinstance(answer, Answer) and answer.after is not None:
        await answer.after()
    return _response(answer)


async def _call(operation: Operation, request: web.Request) -> Call:
    runtime, caller = request.app[RUNTIME], request[CALLER]
    query = _query(operation.query, request)
    content = await request.read()
    _check_media(operation, request, content)
    async with runtime.database.read() as tx:
        home = await people.workspace(tx, caller.token.organization, caller.token.workspace)
    if home is None:
        raise Problem("not_found")
    return Call(
        runtime=runtime,
        caller=caller,
        home=home,
        names=request.match_info,
        query=query,
        body=None if operation.body is None else _body(operation.body, content),
        text=content,
        match=request.headers.get("If-Match"),
        open=None,
    )


def _query(model: type[BaseModel], request: web.Request) -> BaseModel:
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise Problem("invalid", errors=[Fault(field=name, code="repeated", detail="give it once")])
    try:
        return model.model_validate_strings(dict(request.query))
    except ValidationError as error:
        raise _invalid(error) from None


def _check_media(operation: Operation, request: web.Request, content: bytes) -> None:
    wanted = operation.media or (JSON if operation.body is not None else None)
    if wanted is None and content:
        raise Problem("media_type", "This takes no body; send none.")
    if wanted is not None and (request.content_type != wanted or (request.charset or "utf-8").lower() != "utf-8"):
        raise Problem("media_type", f"Send {wanted} in UTF-8, and say so in Content-Type.")


def _body(model: type[BaseModel], content: bytes) -> BaseModel:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Problem:
    details = error.errors(include_url=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in details):
        return Problem("unreadable", "The body is no JSON in UTF-8; mend it.")
    faults = [
        Fault(field=".".join(map(str, one["loc"])), code=one["type"], detail=one["msg"]) for one in details[:50]
    ]
    return Problem("invalid", errors=faults)


def _asked(request: web.Request, call: Call) -> Asked | None:
    key = request.headers.get(KEY)
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        detail = f"send 1 to {LONGEST_KEY} letters of ASCII, new ones for each change"
        raise Problem("invalid", errors=[Fault(field=KEY, code="key", detail=detail)])
    told = [request.method, request.rel_url.raw_path_qs, call.match or "", ""]
    return Asked(token=call.caller.token, key=key, request="\n".join(told).encode() + call.text)


async def _known(request: web.Request, tx: Tx, asked: Asked) -> Json | None:
    try:
        return await replies.known(request.app[RUNTIME], tx, asked, request.app[WALL].now())
    except Reused:
        raise Problem("key_reused") from None


def _kept(answer: Answer) -> Json:
    return {"body": answer.document.model_dump_json(), "etag": answer.etag}


def _replayed(kept: Json) -> web.Response:
    response = _written(kept["body"], kept["etag"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _response(answer: Answer | File) -> web.Response:
    if isinstance(answer, File):
        named = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
        return web.Response(body=answer.content, content_type=answer.media, headers=named)
    return _written(answer.document.model_dump_json(), answer.etag)


def _written(body: str, etag: str | None) -> web.Response:
    headers = {} if etag is None else {"ETag": etag}
    return web.Response(body=body.encode(), content_type=JSON, headers=headers)
