"""Find plugins, hold them to the contract and call one at a time, so that what one does harms nobody else.

There is no sandbox: a plugin runs in this process and can read its memory. The allow-list is the protection;
everything here guards against mistakes only.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

import click
import pluggy
from pydantic import BaseModel, create_model

from tertulia import contract, hookspecs
from tertulia.capabilities import Platform, Webhook
from tertulia.contract import raised_at
from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, PluginError
from tertulia.extension import Context, Event, Groups, RitualKind, Route, Sandbox

T = TypeVar("T")
GROUP = "tertulia"
BUILTIN = {"rituals": "tertulia.rituals", "web": "tertulia.web.channel"}
SECONDS = 30.0
HOOKS = frozenset(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "tertulia_spec"))
SERVING = ("register_platforms", "register_webhooks", "register_routes", "on_event", "match_groups")
"""The hooks by which a plugin does something where it is enabled."""
log = logging.getLogger(__name__)


class Plugins:
    """Hold the plugins of this process; made by `Plugins.load`, empty before."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._manager = pluggy.PluginManager("tertulia")
        self._manager.add_hookspecs(hookspecs)
        self._plugins: dict[str, object] = {}
        self._models: dict[str, type[BaseModel]] = {}
        self._rituals: dict[str, tuple[str, RitualKind]] = {}
        self._seconds = seconds
        self.faults: dict[str, str] = {}
        self.missing: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        extra: Mapping[str, object] | None = None,
        *,
        allowed: frozenset[str] | None = None,
        builtin: bool = True,
        seconds: float = SECONDS,
    ) -> Plugins:
        """Register the built-ins, the installed plugins by name, and *extra* (modules or objects).

        *allowed* limits what is installed; `None` allows all. Nothing is raised: see `faults`.
        """
        plugins = cls(seconds)
        for name, module in BUILTIN.items() if builtin else ():
            plugins._add(name, lambda module=module: import_module(module))  # type: ignore[misc]  # mypy knows no lambda with defaults
        installed = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _distribution(entry)))
        for entry in installed:
            if allowed is None or entry.name in allowed:
                plugins._add(entry.name, entry.load, f"the distribution {_distribution(entry)}")
            else:
                plugins._blame(entry.name, f"Plugin {entry.name} is installed but TERTULIA_PLUGINS does not name it.")
        for name, plugin in sorted((extra or {}).items()):
            plugins._add(name, lambda plugin=plugin: plugin)  # type: ignore[misc]  # as above
        known = {entry.name for entry in installed} | set(BUILTIN) | set(extra or {})
        plugins.missing = tuple(sorted((allowed or frozenset()) - known))
        for name in plugins.missing:
            plugins._blame(
                name, f"Plugin {name} is named in TERTULIA_PLUGINS but not installed; install or remove it."
            )
        return plugins

    @property
    def names(self) -> tuple[str, ...]:
        """Return the plugins in the order they are called."""
        return tuple(self._plugins)

    def serves(self, name: str) -> bool:
        """Tell whether a plugin does anything where it is enabled; one that only brings rituals does not."""
        hooks = (getattr(self._manager.hook, hook).get_hookimpls() for hook in SERVING)
        return any(found.plugin_name == name for implementations in hooks for found in implementations)

    def settings_model(self, name: str) -> type[BaseModel]:
        """Return the model of a plugin's settings; it refuses unknown ones."""
        if name not in self._models:
            reason = self.faults.get(name)
            known = ", ".join(self._plugins) or "none"
            raise Mistake(reason or f"There is no plugin {name}; installed are: {known}.")
        return self._models[name]

    def ritual(self, kind: str) -> RitualKind:
        """Return a kind of ritual or survey."""
        if kind not in self._rituals:
            raise Mistake(
                f"There is no ritual kind {kind!r}; known are: {', '.join(sorted(self._rituals)) or 'none'}."
            )
        return self._rituals[kind][1]

    def rituals(self) -> Mapping[str, RitualKind]:
        """Return all kinds by name."""
        return {kind: ritual for kind, (_, ritual) in self._rituals.items()}

    def platforms(self, name: str, context: Context) -> tuple[Platform, ...]:
        """Return the platforms a plugin serves for one installation."""
        found = self._each(name, "register_platforms", contract.platform, context=context)
        contract.unique(name, "platform", (platform.name for platform in found))
        return found

    def webhooks(self, name: str, context: Context) -> tuple[Webhook, ...]:
        """Return a plugin's readers of what its platform posts."""
        found = self._each(name, "register_webhooks", contract.webhook, context=context)
        contract.unique(name, "webhook", (webhook.name for webhook in found))
        return found

    def routes(self, name: str, context: Context) -> tuple[Route, ...]:
        """Return a plugin's routes for one installation."""
        found = self._each(name, "register_routes", contract.route, context=context)
        contract.unique(name, "route", (f"{route.method} {route.path}" for route in found))
        return found

    def commands(self) -> Mapping[str, click.Command]:
        """Return the commands that plugins add to the command line; a failing one is reported and left out."""
        found = {}
        for name, command in self._reported("register_cli"):
            if isinstance(command, click.Command):
                found[name] = command
            elif command is not None:
                self._blame(name, f"Plugin {name}: register_cli must return a click command.")
        return found

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Return the local stand-ins of platforms; a failing one is reported and left out."""
        found: list[Sandbox] = []
        for name, result in self._reported("register_sandbox"):
            try:
                found += contract.each(name, "register_sandbox", result, contract.sandbox)  # type: ignore[arg-type]  # the check is the type
            except PluginError as error:
                self._blame(name, str(error))
        return tuple(found)

    def groups(
        self,
        ritual: str,
        people: Sequence[Id],
        history: Mapping[frozenset[Id], int],
        enabled: Collection[str],
    ) -> Groups | None:
        """Return the groups of the first enabled plugin that forms any; one that fails is passed over."""
        for name in self._plugins:
            if name not in enabled:
                continue
            try:
                arguments = {"ritual": ritual, "people": people, "history": history}
                result = self._call(name, "match_groups", **arguments)
                if result is not None:
                    return contract.groups(name, result, people)
            except PluginError as error:
                log.error("%s", error)
        return None

    async def announce(self, event: Event, enabled: Collection[str]) -> None:
        """Tell the *enabled* plugins, all at once, each under a time-out; what one raises is logged."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._plugins:
                if name in enabled:
                    tasks.create_task(self._tell(name, event))

    async def _tell(self, name: str, event: Event) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                for reaction in self._caller(name, "on_event")(event=event):
                    if inspect.isawaitable(reaction):
                        await reaction
        except TimeoutError:
            log.error("plugin %s took longer than %g s for %s", name, self._seconds, event.name)
        except Exception as error:
            log.error("plugin %s failed on %s: %s", name, event.name, raised_at(error))

    def _add(self, name: str, load: Callable[[], object], origin: str = "it") -> None:
        try:
            plugin = load()
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {error}"
            self._blame(name, f"Plugin {name} could not be imported ({cause}); repair or remove {origin}.")
            return
        try:
            self._register(name, plugin)
        except PluginError as error:
            self._blame(name, str(error))

    def _register(self, name: str, plugin: object) -> None:
        contract.check_name(name)
        if name in self._plugins:
            raise PluginError(f"Two plugins are called {name}; only the first is used, remove or rename the other.")
        try:
            hash(plugin)  # pluggy keeps plugins in sets
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            raise PluginError(f"Plugin {name} breaks a hook's signature: {_one_line(error)}.") from error
        except TypeError as error:
            raise PluginError(f"Plugin {name} is not hashable; make it a module or an ordinary object.") from error
        except ValueError as error:
            raise PluginError(f"Plugin {name} is the same object as another plugin; remove one.") from error
        try:
            contract.check_hooks(self._manager, name, plugin, HOOKS)
            self._plugins[name] = plugin
            self._models[name] = self._model(name)
            self._rituals |= self._kinds(name)
        except PluginError:
            self._manager.unregister(plugin)
            self._plugins.pop(name, None)
            self._models.pop(name, None)
            raise

    def _model(self, name: str) -> type[BaseModel]:
        found = self._call(name, "register_settings")
        model = BaseModel if found is None else contract.check_model(name, found)
        # a subclass, because the author may not have forbidden what the model does not name
        strict: type[BaseModel] = create_model(
            model.__name__, __base__=model, __module__=model.__module__, __cls_kwargs__={"extra": "forbid"}
        )
        return strict

    def _kinds(self, name: str) -> dict[str, tuple[str, RitualKind]]:
        found = self._each(name, "register_rituals", contract.ritual)
        contract.unique(name, "ritual kind", (kind.name for kind in found))
        for kind in found:
            if kind.name in self._rituals:
                other = self._rituals[kind.name][0]
                raise PluginError(
                    f"Plugins {other} and {name} both give the ritual kind {kind.name}; remove one of them."
                )
        return {kind.name: (name, kind) for kind in found}

    def _each(self, name: str, hook: str, check: Callable[[str, object], T], **arguments: object) -> tuple[T, ...]:
        results = self._call(name, hook, **arguments)
        try:
            return contract.each(name, hook, results, check)  # type: ignore[arg-type]  # as above
        except PluginError:
            raise
        except Exception as error:  # a generator raises while it is read
            raise PluginError(f"Plugin {name} failed in {hook}: {raised_at(error)}.") from error

    def _reported(self, hook: str) -> Iterator[tuple[str, object]]:
        for name in self._plugins:
            try:
                yield name, self._call(name, hook)
            except PluginError as error:
                self._blame(name, str(error))

    def _call(self, name: str, hook: str, **arguments: object) -> object:
        caller = self._caller(name, hook)
        try:
            return caller(**arguments)
        except Exception as error:
            raise PluginError(f"Plugin {name} failed in {hook}: {raised_at(error)}.") from error

    def _caller(self, name: str, hook: str) -> pluggy.HookCaller:
        """Return a caller that reaches one plugin alone, so its results and errors are its own."""
        if name not in self._plugins:
            raise Mistake(self.faults.get(name, f"There is no plugin {name}."))
        plugin = self._plugins[name]
        return self._manager.subset_hook_caller(
            hook, [other for other in self._plugins.values() if other is not plugin]
        )

    def _blame(self, name: str, sentence: str) -> None:
        log.warning("%s", sentence)
        known = self.faults.get(name)
        if known is None:
            self.faults[name] = sentence
        elif sentence not in known:
            self.faults[name] = f"{known} {sentence}"


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"


def _one_line(error: pluggy.PluginValidationError) -> str:
    return " ".join(str(error).split()).rstrip(".")
