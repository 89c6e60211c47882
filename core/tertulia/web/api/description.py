"""The OpenAPI description, made from the same operations and models that are served."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tertulia.services.tokens import PREFIX, SCOPES
from tertulia.web.api import problems
from tertulia.web.api.operations import ABOVE, Operation
from tertulia.web.api.problems import CODES, ProblemDocument
from tertulia.web.api.serving import JSON, KEY, LONGEST_KEY

Document: TypeAlias = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"
ALWAYS = (
    "unreadable", "token_needed", "scope_missing", "not_found", "too_slow", "too_large", "media_type", "invalid",
    "too_many", "unavailable",
)  # fmt: skip
VERSIONED = ("version_changed", "version_needed")
ABOUT = """\
What the console shows and does, for programs. Owners and admins of a workspace make tokens in the console, each for
one workspace and with scopes of its own. Nothing here tells what a person does, wants, declines or answers.
"""


def describe(operations: Sequence[Operation]) -> Document:
    """Describe *operations* as OpenAPI 3.1."""
    schemas, references = _schemas(operations)
    paths: dict[str, Document] = {}
    for one in operations:
        paths.setdefault(ABOVE + one.path, {})[one.method.lower()] = _operation(one, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tertulia", "version": version("tertulia"), "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.about for one in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _scopes()}},
        },
    }


def _scopes() -> str:
    lines = [f"A token of the console; it begins with `{PREFIX}`. Its scopes:", ""]
    return "\n".join([*lines, *(f"- `{scope}`: {words}" for scope, words in SCOPES.items())])


def _schemas(operations: Iterable[Operation]) -> tuple[Document, Mapping[tuple[type[BaseModel], str], Document]]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {(ProblemDocument, "serialization"): None}
    for one in operations:
        if one.answers is not None:
            wanted[one.answers, "serialization"] = None
        wanted[one.query, "validation"] = None
        if one.body is not None:
            wanted[one.body, "validation"] = None
    references, whole = models_json_schema(list(wanted), ref_template=REFERENCE)
    return whole["$defs"], references  # type: ignore[return-value]  # the modes are a narrower type of text


def _operation(one: Operation, references: Mapping[Any, Document]) -> Document:
    described: Document = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.about],
        "security": [{"token": [one.scope] if one.scope else []}],
        "parameters": [*_of_path(one.path), *_of_query(one.query), *_of_headers(one)],
        "responses": {"200": _success(one, references), **_failures(one, references)},
    }
    if one.scope:
        described["description"] = (
            f"Needs the scope `{one.scope}` and one of the roles {', '.join(sorted(one.roles))}."
        )
    if one.body is not None:
        content = {JSON: {"schema": references[one.body, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    if one.media is not None:
        described["requestBody"] = {"required": True, "content": {one.media: {"schema": {"type": "string"}}}}
    return described


def _of_path(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _of_query(model: type[BaseModel]) -> list[Document]:
    whole = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            "description": schema.get("description", ""),
            "schema": _without_null({key: value for key, value in schema.items() if key != "description"}),
        }
        for name, schema in whole.get("properties", {}).items()
    ]


def _without_null(schema: Document) -> Document:
    """Take null out of what a parameter may be: one that is absent is simply not sent."""
    parts = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title") or value}
    kept.pop("anyOf", None)
    return {**kept, **parts[0]} if len(parts) == 1 else schema


def _of_headers(one: Operation) -> list[Document]:
    found = []
    if one.versioned:
        words = "the ETag that reading gave"
        found.append({"name": "If-Match", "in": "header", "required": True, "description": words})
        found[-1]["schema"] = {"type": "string"}
    if one.repeatable:
        words = "a text of your own for this change: sent again within a day it is done once and answered alike"
        found.append({"name": KEY, "in": "header", "required": False, "description": words})
        found[-1]["schema"] = {"type": "string", "pattern": f"^[ -~]{{1,{LONGEST_KEY}}}$"}
    return found


def _success(one: Operation, references: Mapping[Any, Document]) -> Document:
    content: Document = {media: {"schema": {"type": "string"}} for media in one.files}
    if one.answers is not None:
        content = {JSON: {"schema": references[one.answers, "serialization"]}}
    described: Document = {"description": "what was asked for", "content": content}
    if one.tagged:
        described["headers"] = {"ETag": {"required": True, "schema": {"type": "string"}}}
    return described


def _failures(one: Operation, references: Mapping[Any, Document]) -> Document:
    codes = (*ALWAYS, *VERSIONED) if one.versioned else ALWAYS
    by_status = sorted({CODES[code][0] for code in codes})
    return {str(status): _failure(status, references) for status in by_status}


def _failure(status: int, references: Mapping[Any, Document]) -> Document:
    said = [f"`{code}`: {words}" for code, (its, words) in CODES.items() if its == status]
    described: Document = {
        "description": "\n\n".join(said),
        "content": {problems.TYPE: {"schema": references[ProblemDocument, "serialization"]}},
    }
    if status == 400:
        # broken HTTP and lines over 8 KB are refused before anything of ours sees them
        described["content"]["text/plain"] = {"schema": {"type": "string"}}
    if status in (429, 503):
        words = {"description": "seconds", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        described["headers"] = {"Retry-After": words}
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return described
