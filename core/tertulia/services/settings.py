"""Settings of an installation: checked by the plugin's model, kept as given, shown without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from tertulia.contract import raised_at
from tertulia.domain.identifiers import Json
from tertulia.errors import Mistake, PluginError
from tertulia.services.outbound import normal_host

MASK = "**********"
"""What pydantic shows for a secret; sent back, it means: leave it as it is."""


def plain(settings: Json) -> dict[str, Any]:
    """Return *settings* as bare JSON, with secrets unwrapped; for sealing only."""
    return cast(dict[str, Any], _plain(settings))


def validated(plugin: str, model: type[BaseModel], settings: Json) -> BaseModel:
    """Check bare JSON *settings*; raises one `Mistake` that names every setting at fault and never its value."""
    try:
        text = json.dumps(settings)
    except (TypeError, ValueError) as error:
        raise Mistake(f"The settings of plugin {plugin} must be JSON: text, numbers, lists and tables.") from error
    try:
        checked = model.model_validate_json(text)
    except ValidationError as error:
        found = "; ".join(_sentence(model, detail) for detail in error.errors(include_input=False, include_url=False))
        raise Mistake(f"Plugin {plugin} refuses its settings: {found}.") from None  # the cause would hold the values
    except Exception as error:
        raise PluginError(f"Plugin {plugin} failed while it checked its settings: {raised_at(error)}.") from None
    for host in allowed_hosts(plugin, checked):
        normal_host(host)
    return checked


def allowed_hosts(plugin: str, settings: BaseModel) -> tuple[str, ...]:
    """Return the hosts that these settings let the plugin reach."""
    hosts: object = getattr(settings, "allowed_hosts", ())
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise PluginError(f"Plugin {plugin}: the setting allowed_hosts must be declared as a list of host names.")
    return tuple(str(host) for host in hosts)


def unmasked(given: object, kept: object) -> Any:
    """Return *given* with every mask replaced by what was *kept* in its place."""
    if given == MASK:
        if kept is None:
            raise Mistake("A masked setting was given where no secret is kept yet; give the secret itself.")
        return kept
    if isinstance(given, Mapping):
        before: Mapping[str, object] = kept if isinstance(kept, Mapping) else {}
        return {key: unmasked(value, before.get(key)) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        former = kept if isinstance(kept, (list, tuple)) else ()
        return [unmasked(value, former[at] if at < len(former) else None) for at, value in enumerate(given)]
    return given


def masked(model: type[BaseModel] | None, settings: Json) -> Json:
    """Return *settings* with defaults, to show them; every value is masked where they do not fit the *model*."""
    try:
        checked = None if model is None else model.model_validate_json(json.dumps(settings))
        shown: Json | None = None if checked is None else checked.model_dump(mode="json")
    except Exception:  # also what a plugin's own validator or serializer raises
        shown = None
    return dict.fromkeys(settings, MASK) if shown is None else shown


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, SecretBytes):
        return value.get_secret_value().decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _sentence(model: type[BaseModel], detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"]) or "together they are not valid"
    if detail["type"] == "extra_forbidden":
        known = ", ".join(sorted(model.model_fields)) or "none"
        return f"{name} is not a setting (allowed: {known})"
    if detail["type"] == "missing":
        return f"{name} is missing"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    separator = " should " if message.startswith("Input should ") else ": "
    return f"{name}{separator}{message.removeprefix('Input should ')}"
