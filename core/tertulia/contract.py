"""Hold a plugin to the contract: what its hooks may look like and what they may return."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import TracebackType
from typing import TypeVar, cast

import pluggy
from pydantic import BaseModel

from tertulia.capabilities import Platform, Webhook
from tertulia.domain.identifiers import Id
from tertulia.errors import PluginError
from tertulia.extension import Access, Groups, RitualKind, Route, Sandbox

T = TypeVar("T")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
ASYNC_HOOKS = frozenset({"on_event"})
PORTS: Mapping[str, tuple[str, ...]] = {
    "ritual": ("post", "refresh", "close", "gather"),
    "survey": ("ask", "amend", "withdraw"),
    "replies": ("reply",),
    "participation": ("since",),
    "directory": ("members",),
}
PERSONAL = ("prompt_for", "accept_for")
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "items": ("items", "results"),
    "prompt_for": PERSONAL,
    "share": ("share", *PERSONAL),
    "deal": ("deal", *PERSONAL),
    "grouping": ("grouping", "deal", *PERSONAL),
}
"""What a ritual kind that has the method of the name must have too."""


def raised_at(error: BaseException) -> str:
    """Tell where *error* was raised, without its message, which could hold content."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "an unknown place" if trace is None else f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
    return f"{type(error).__name__} in {place}"


def check_name(name: str) -> None:
    """Refuse a plugin's name that does not fit into a URL and a table."""
    if not NAME.fullmatch(name):
        raise PluginError(f"Plugin {name!r} needs a name of at most 50 lower-case letters, digits, '-' and '_'.")


def check_hooks(manager: pluggy.PluginManager, name: str, plugin: object, hooks: frozenset[str]) -> None:
    """Refuse misspelt and undecorated hooks, and coroutines where the core does not await."""
    found = [
        (caller.name, caller.has_spec(), impl)
        for caller in manager.get_hookcallers(plugin) or ()
        for impl in caller.get_hookimpls()
        if impl.plugin is plugin
    ]
    for hook, specified, impl in found:
        if not specified and not impl.optionalhook:
            raise PluginError(f"Plugin {name} implements the unknown hook {hook}; {_cure(hook, hooks)}.")
        if _never_awaited(hook, impl.function):
            raise PluginError(f"Plugin {name} defines {hook} with async; write it as a plain function (def {hook}).")
    for hook in sorted(hooks - {hook for hook, _, _ in found}):
        if inspect.isroutine(getattr(plugin, hook, None)):
            raise PluginError(f"Plugin {name} defines {hook} without a decorator; put @tertulia.hookimpl above it.")
    if not found:
        raise PluginError(f"Plugin {name} implements no hook; put @tertulia.hookimpl above its hook functions.")


def check_model(name: str, model: object) -> type[BaseModel]:
    """Take the settings model of a plugin."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise PluginError(f"Plugin {name}: register_settings must return a pydantic model class, not {_kind(model)}.")
    return model


def each(name: str, hook: str, results: Iterable[object], check: Callable[[str, object], T]) -> tuple[T, ...]:
    """Check every item of the iterables that a plugin returned from *hook*."""
    items: list[T] = []
    for result in results:
        if inspect.iscoroutine(result):
            result.close()  # it would warn that nobody awaited it, far away from the culprit
        if not isinstance(result, Iterable) or isinstance(result, (str, bytes, Mapping)):
            raise PluginError(f"Plugin {name}: {hook} must return a list of objects, not {_kind(result)}.")
        items += [check(name, item) for item in result]
    return tuple(items)


def platform(name: str, item: object) -> Platform:
    """Take a platform whose ports have the methods of their protocols."""
    if not isinstance(item, Platform):
        raise PluginError(f"Plugin {name}: register_platforms must return Platform objects, not {_kind(item)}.")
    if not NAME.fullmatch(item.name):
        raise PluginError(f"Plugin {name}: the platform {item.name!r} needs a short lower-case name.")
    for field, methods in PORTS.items():
        port = getattr(item, field)
        _methods(name, f"the {field} port of {item.name}", port, () if port is None else methods)
    if item.preview is not None:
        _methods(name, f"the preview port of {item.name}", item.preview, ("looks",), plain=True)
    if item.survey is not None and item.survey.confidential not in ("native", "link", "no"):
        raise PluginError(f"Plugin {name}: survey.confidential of {item.name} must be 'native', 'link' or 'no'.")
    return item


def webhook(name: str, item: object) -> Webhook:
    """Take a webhook reader, all of whose methods are plain functions."""
    methods = ("handshake", "verify", "event_id", "wanted", "facts")
    _methods(name, "a webhook", item, methods, plain=True)
    _check_title(name, "a webhook", item)
    return cast(Webhook, item)


def route(name: str, item: object) -> Route:
    """Take a route that states its access."""
    if not isinstance(item, Route) or not isinstance(item.access, Access):
        raise PluginError(
            f"Plugin {name}: register_routes must return Route objects with an Access, not {_kind(item)}."
        )
    if not item.path.startswith("/"):
        raise PluginError(f"Plugin {name}: the route {item.path!r} must start with a slash.")
    if item.access.kind == "token":
        raise PluginError(f"Plugin {name}: tokens open the core's own routes only; let {item.path!r} verify its own.")
    return item


def ritual(name: str, item: object) -> RitualKind:
    """Take a kind of ritual or survey."""
    _methods(name, "a ritual kind", item, ("prepare", "prompt", "accept", "summary"), plain=True)
    _check_title(name, "a ritual kind", item)
    kind = cast(RitualKind, item)
    if kind.privacy not in ("named", "confidential"):
        raise PluginError(f"Plugin {name}: privacy of {kind.name} must be 'named' or 'confidential'.")
    check_options(name, kind)
    for said, methods in OPTIONAL.items():
        if hasattr(item, said):
            _methods(name, "a ritual kind", item, methods, plain=True)
    return kind


def check_options(name: str, kind: RitualKind) -> None:
    """Refuse options that are no pydantic model."""
    options: object = kind.options
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise PluginError(f"Plugin {name}: options of {kind.name} must be a pydantic model class.")


def sandbox(name: str, item: object) -> Sandbox:
    """Take a local stand-in of a platform."""
    _methods(name, "a sandbox", item, ("start", "stop"))
    _check_title(name, "a sandbox", item)
    return cast(Sandbox, item)


def groups(name: str, result: object, people: Sequence[Id]) -> Groups:
    """Take groups in which everybody is exactly once."""
    if inspect.iscoroutine(result):
        result.close()
    if not isinstance(result, (list, tuple)) or not all(isinstance(group, (list, tuple)) for group in result):
        raise PluginError(f"Plugin {name}: match_groups must return a tuple of groups or None, not {_kind(result)}.")
    formed = tuple(tuple(group) for group in result)
    if Counter(member for group in formed for member in group) != Counter(people) or not all(formed):
        raise PluginError(f"Plugin {name}: match_groups must put everybody into exactly one group.")
    return formed


def unique(name: str, what: str, names: Iterable[str]) -> None:
    """Refuse a name that a plugin gives twice."""
    seen: set[str] = set()
    for item in names:
        if item in seen:
            raise PluginError(f"Plugin {name} gives the {what} {item} twice; rename one.")
        seen.add(item)


def _never_awaited(hook: str, function: object) -> bool:
    if inspect.isasyncgenfunction(function):
        return True
    return inspect.iscoroutinefunction(function) and hook not in ASYNC_HOOKS


def _methods(name: str, what: str, item: object, methods: Iterable[str], *, plain: bool = False) -> None:
    for method in methods:
        function = getattr(item, method, None)
        if not callable(function):
            raise PluginError(f"Plugin {name}: {what} ({_kind(item)}) has no method {method}.")
        if plain and inspect.iscoroutinefunction(function):
            raise PluginError(f"Plugin {name}: {method} of {what} must be a plain function, not async.")


def _check_title(name: str, what: str, item: object) -> None:
    title = getattr(item, "name", None)
    if not isinstance(title, str) or not 0 < len(title) <= 100:
        raise PluginError(f"Plugin {name}: {what} ({_kind(item)}) needs a name of 1 to 100 characters.")


def _kind(item: object) -> str:
    return "None" if item is None else f"an object of type {type(item).__name__}"


def _cure(hook: str, hooks: frozenset[str]) -> str:
    close = get_close_matches(hook, sorted(hooks), n=1)
    return f"rename it to {close[0]}" if close else f"known are {', '.join(sorted(hooks))}"
