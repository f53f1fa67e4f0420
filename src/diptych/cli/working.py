"""`diptych worker`: the work of an application that nobody waits for: projections and subscribers, without HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import as_json, err, safe
from diptych.cli.serving import logging_to_stderr
from diptych.cli.target import Target, about_an_application

_LOOK = 0.1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.argument("application", required=False, metavar="[APP]")
@about_an_application
@click.option("--projections", metavar="NAME,NAME", help="Fold only these, and run no subscribers but those named.")
@click.option("--subscribers", metavar="NAME,NAME", help="Run only these, and fold no projections but those named.")
@click.option("--json", "json", is_flag=True, help="Print what this process owns as lines of JSON.")
def worker(application: str | None, *, json: bool, **options: Any) -> None:
    """Fold projections and run subscribers until SIGTERM or Ctrl-C, and end with status 0.

    Start as many as you like: each projection and each subscriber is owned by one live process, projections are shared
    out evenly, and what a dead process had is taken over within three seconds.
    """
    chosen = {name: _names(options[name]) for name in ("projections", "subscribers")}
    if any(each is not None for each in chosen.values()):
        chosen = {name: each or () for name, each in chosen.items()}
    target = Target.of(options, app=application)
    made = target.application(projections=chosen["projections"], subscribers=chosen["subscribers"])
    with logging_to_stderr():
        asyncio.run(_work(made, _Telling(json=json)))


async def _work(application: Application, telling: _Telling) -> None:
    """Run an application until a signal; raise what ended its folding, or a subscriber, before that."""
    stopped = asyncio.Event()
    with _heard(stopped):
        async with application:
            while not stopped.is_set() and application.failure is None:
                telling.tell(application)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):  # whoever folds tells it to nobody: it is looked for
                        await stopped.wait()
            if application.failure is not None:
                raise application.failure


class _Telling:
    """Say what a worker owns, once it is open and whenever that changes, and how often it came too late."""

    def __init__(self, *, json: bool) -> None:
        self._json, self._told = json, dict[str, Any]()

    def tell(self, application: Application) -> None:
        """Print what the application owns, if that is not what was printed last."""
        here = application.ownership.here
        found: dict[str, Any] = {
            "projections": [name for name in application.projections if name in here],
            "subscribers": sorted(application.reactions.owned),
            "fenced": application.ownership.fenced,
        }
        if found != self._told:
            self._told = found
            self._print(found)

    def _print(self, found: dict[str, Any]) -> None:
        if self._json:
            as_json(found)
            return
        told = [f"{kind} {', '.join(found[kind]) or 'none'}" for kind in ("projections", "subscribers")]
        err().print(safe(f"this process owns: {'; '.join(told)}"), markup=False, soft_wrap=True)


@contextlib.contextmanager
def _heard(stopped: asyncio.Event) -> Iterator[None]:
    """Set an event at the first signal to end; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    for each in _SIGNALS:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)


def _names(given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(name.strip() for name in given.split(",") if name.strip())
