"""A form for a plugin's settings, made from their model: one control for each setting, secrets never shown.

A secret that is kept is left alone where its field stays empty. A table of settings that may be missing has a box
that says whether it is used. What no control fits is written as JSON. What the values mean is the model's to check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from tertulia.domain.identifiers import Json
from tertulia.errors import Mistake
from tertulia.services.settings import MASK

Kind: TypeAlias = Literal["text", "secret", "whole", "number", "confirm", "choice", "lines", "json", "table"]
Schema: TypeAlias = Mapping[str, Any]
REMOVE = ".remove"
"""The name of the box that removes a secret: the secret's own with this behind it."""
LONGEST = 20_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Hold one control; *kept* tells that a secret is kept, *level* how deep in tables it stands."""

    name: str
    label: str
    hint: str
    kind: Kind
    required: bool
    value: str = ""
    options: tuple[str, ...] = ()
    kept: bool = False
    level: int = 0


def controls(model: type[BaseModel], known: Json, typed: Mapping[str, str] | None = None) -> list[Setting]:
    """List the controls of *model* with the settings *known*, or with what was *typed* and refused."""
    whole = model.model_json_schema()
    return list(_controls(whole, whole, known, "", 0, typed))


def given(model: type[BaseModel], form: Mapping[str, str], known: Json) -> dict[str, Any]:
    """Read a form back as settings; `None` stands for the default, a mask for a secret that stays.

    Raises `Mistake` for a number or JSON that cannot be read.
    """
    whole = model.model_json_schema()
    return _given(whole, whole, form, known, "")


def _controls(
    whole: Schema, table: Schema, known: Json, above: str, level: int, typed: Mapping[str, str] | None
) -> Iterator[Setting]:
    for key, raw in table.get("properties", {}).items():
        schema, optional = _meaning(whole, raw)
        name, value, kind = above + key, known.get(key), _kind(schema)
        required = key in table.get("required", ()) and not optional
        inner = value if isinstance(value, Mapping) else {}
        yield Setting(
            name=name,
            label=str(raw.get("title") or schema.get("title") or key),
            hint=str(raw.get("description") or ("" if kind == "table" else schema.get("description", ""))),
            kind="confirm" if kind == "table" and not required else kind,
            required=required and kind not in ("confirm", "lines"),
            value=_shown(kind, value, raw.get("default")) if typed is None else typed.get(name, ""),
            options=_options(schema, required=required),
            kept=kind == "secret" and value is not None,
            level=level,
        )
        if kind == "table":
            yield from _controls(whole, schema, inner, f"{name}.", level + 1, typed)


def _given(whole: Schema, table: Schema, form: Mapping[str, str], known: Json, above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, raw in table.get("properties", {}).items():
        schema, optional = _meaning(whole, raw)
        name, kept, kind = above + key, known.get(key), _kind(schema)
        if kind == "table":
            used = form.get(name) == "yes" or (key in table.get("required", ()) and not optional)
            before = kept if isinstance(kept, Mapping) else {}
            inner = _given(whole, schema, form, before, f"{name}.") if used else None
            found[key] = None if inner is None else {one: it for one, it in inner.items() if it is not None}
        elif kind == "secret":
            found[key] = _secret(form, name, kept=kept is not None)
        else:
            found[key] = _read(kind, form.get(name, "").strip()[:LONGEST], name)
    return found


def _secret(form: Mapping[str, str], name: str, *, kept: bool) -> str | None:
    if form.get(name):
        return form[name][:LONGEST]
    return MASK if kept and form.get(name + REMOVE) != "yes" else None


def _read(kind: Kind, text: str, name: str) -> object:
    if kind == "confirm":
        return text == "yes"
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()] or None
    if not text:
        return None
    if kind in ("whole", "number", "json"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Mistake(f"{name} must be {'JSON' if kind == 'json' else 'a number'}; mend it.") from None
    return text


def _meaning(whole: Schema, raw: Schema) -> tuple[Schema, bool]:
    """Follow references and take the part of a choice that is not null; tell whether null was one."""
    optional = False
    schema = raw
    while True:
        if "$ref" in schema:
            schema = whole["$defs"][str(schema["$ref"]).rpartition("/")[2]]
        elif len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        elif "anyOf" in schema:
            parts = [one for one in schema["anyOf"] if one.get("type") != "null"]
            optional = optional or len(parts) < len(schema["anyOf"])
            if len(parts) != 1:
                return schema, optional
            schema = parts[0]
        else:
            return schema, optional


def _kind(schema: Schema) -> Kind:
    if schema.get("writeOnly"):
        return "secret"
    if "enum" in schema:
        return "choice"
    kinds: dict[str, Kind] = {"string": "text", "integer": "whole", "number": "number", "boolean": "confirm"}
    if schema.get("type") in kinds:
        return kinds[str(schema["type"])]
    if schema.get("type") == "object" and "properties" in schema:
        return "table"
    lines = schema.get("type") == "array" and schema.get("items", {}).get("type") == "string"
    # a list of secrets is JSON, too: masks show how many are kept
    return "lines" if lines and not schema["items"].get("writeOnly") else "json"


def _options(schema: Schema, *, required: bool) -> tuple[str, ...]:
    if "enum" not in schema:
        return ()
    return tuple(map(str, schema["enum"])) if required else ("", *map(str, schema["enum"]))


def _shown(kind: Kind, value: object, default: object) -> str:
    value = default if value is None else value
    if kind == "secret" or value is None or value == MASK:
        return ""
    if kind == "confirm":
        return "yes" if value else ""
    if kind == "table":
        return "yes"
    if kind == "lines" and isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
