"""Which application a command is about, and with which settings: found, imported, configured, opened."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import click

from diptych.application import Application
from diptych.errors import SettingsError
from diptych.settings import Mode, Only, Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Runs = Literal["run", "follow"] | tuple[str, ...]
Reacts = Literal["run", "off"] | tuple[str, ...]
_SET = ("app", "events", "reads", "host", "port", "mode", "only")
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what the command line says about the application; None where it says nothing."""

    app: str | None = None
    events: str | None = None
    reads: str | None = None
    host: str | None = None
    port: int | None = None
    mode: Mode | None = None
    only: Only | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], *, app: str | None = None, only: Only | None = None) -> Self:
        """Return what the options of `about_an_application` say; an application named before them goes first."""
        return cls(app or options["app"], options["events"], options["reads"], only=only)

    def settings(self) -> Settings:
        """Return the settings: the command line's, the environment's, those of pyproject.toml."""
        arguments = {name: getattr(self, name) for name in _SET}
        return Settings.load(arguments=arguments, environment=os.environ, folder=Path.cwd())

    def application(
        self, *, projections: Runs | None = None, subscribers: Reacts | None = None, only: Only | None = None
    ) -> Application:
        """Return the application, configured and not yet opened; raise SettingsError where there is none."""
        settings = self.settings()
        if settings.app is None:
            raise SettingsError(
                "no application is named; pass --app module:attribute, set DIPTYCH_APP, "
                'or write app = "module:attribute" under [tool.diptych] in pyproject.toml'
            )
        found = imported(settings.app, settings.folder)
        return found.configured(
            events=settings.events,
            reads=settings.reads,
            mode=settings.mode,
            projections=projections,
            subscribers=subscribers,
            only=only,
        )

    def existing(self) -> Application:
        """Return the application for a look at its log, which must be there."""
        application = self.application(projections="follow", subscribers="off")
        refuse_absent(application)
        return application


def refuse_absent(application: Application) -> None:
    """Raise SettingsError where the log has no file yet: looking makes none."""
    url = application.urls[0]
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        raise SettingsError(f"there is no log at {url}; send, serve and dev make one")


def about_an_application(function: F) -> F:
    """Add the options that say which application a command is about."""
    for option in (
        click.option("--reads", metavar="URL", help="Where the read models are, such as sqlite:///shop-reads.db."),
        click.option("--events", metavar="URL", help="Where the log is, such as sqlite:///shop.db."),
        click.option("--app", "-a", metavar="MODULE:ATTRIBUTE", help="The application, or a function that makes it."),
    ):
        function = option(function)
    return function


def imported(target: str, folder: Path | None = None) -> Application:
    """Return the application at `module:attribute`, calling what makes one; raise SettingsError where there is none."""
    for place in (folder, Path.cwd()):
        if place is not None and str(place) not in sys.path:
            sys.path.insert(0, str(place))
    name, _, attribute = target.partition(":")
    found: Any = _module(name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise SettingsError(f"{target}: module {name!r} has no {attribute!r}; wanted an Application there")
        found = getattr(found, part)
    made = _made(target, found) if callable(found) and not isinstance(found, Application) else found
    if not isinstance(made, Application):
        raise SettingsError(f"{target} is a {type(made).__qualname__}; wanted an Application or a function making one")
    return made


def _made(target: str, make: Callable[..., Any]) -> Any:  # Any: whatever somebody named as an application
    try:
        inspect.signature(make).bind()
    except TypeError as wrong:
        raise SettingsError(
            f"{target} wants an argument ({wrong}); name a function without parameters, or give each a default"
        ) from wrong
    except ValueError:  # nothing tells what it takes
        pass
    return make()


def run(application: Application, work: Callable[[Application], Awaitable[T]]) -> T:
    """Open the application, do the work and close it."""

    async def opened() -> T:
        async with application:
            return await work(application)

    return asyncio.run(opened())


def _module(name: str) -> Any:  # Any: a module, and whatever lies in it
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
            raise
        raise SettingsError(f"there is no module {missing.name!r} in {Path.cwd()} or on the Python path") from missing
