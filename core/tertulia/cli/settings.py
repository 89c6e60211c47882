"""Read a plugin's settings from the command line: values by the type that its model gives them, secrets apart."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import click
from pydantic import BaseModel

from tertulia.cli.edge import read_text
from tertulia.errors import Mistake


def read_settings(model: type[BaseModel], texts: Sequence[str], file: str | None) -> dict[str, Any]:
    """Return the settings of *file* and of KEY=VALUE *texts*, which win; what they mean is the model's to check."""
    given = {} if file is None else _from_file(file)
    properties: Mapping[str, Mapping[str, Any]] = model.model_json_schema().get("properties", {})
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if key not in properties:
            raise Mistake(f"KEY {key!r} is not a setting; the settings are {', '.join(properties) or 'none'}.")
        if _secret(properties[key]):
            given[key] = _read_secret(key, value if equals else None)
        elif not equals:
            raise Mistake(f"KEY {key} has no value; write {key}=VALUE.")
        else:
            given[key] = _value(properties[key], value)
    return given


def _from_file(path: str) -> dict[str, Any]:
    text = read_text(path)
    try:
        read = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise Mistake(f"--file {path} is neither JSON nor, as .toml, TOML ({_where(error)}); mend it.") from None
    if not isinstance(read, dict):
        raise Mistake(f"--file {path} holds no settings; write a table of keys and values.")
    return read


def _where(error: tomllib.TOMLDecodeError | json.JSONDecodeError) -> str:
    return f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _read_secret(key: str, value: str | None) -> str | None:
    if value == "":
        return None
    if value is None:
        typed: str = click.prompt(key, hide_input=True, err=True)
        return typed
    if not value.startswith("@"):
        raise Mistake(
            f"KEY {key} is a secret, which a command line shows to others; write {key}=@FILE or {key} alone."
        )
    return read_text(value[1:]).rstrip("\r\n")


def _secret(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("writeOnly")) or any(_secret(one) for one in schema.get("anyOf", ()))


def _types(schema: Mapping[str, Any]) -> set[str]:
    if "enum" in schema or "const" in schema:
        return {"string"}
    return {str(schema.get("type", ""))} | {name for one in schema.get("anyOf", ()) for name in _types(one)}


def _value(schema: Mapping[str, Any], text: str) -> object:
    if text == "":
        return None
    types = _types(schema)
    if "string" in types:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return [part.strip() for part in text.split(",")] if "array" in types else text
