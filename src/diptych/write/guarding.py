"""Guarding: the guards of commands, resolved at start, asked before a command is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diptych.dispatch import Handler, compile_handler, guarded, sources_of
from diptych.errors import Refusal
from diptych.injection import Injector, Source
from diptych.model.results import Result
from diptych.write.deciding import failure_of
from diptych.write.recording import Recorder

Guards = Mapping[type, Sequence[Callable[..., Any]]]


class CommandGuards:
    """Ask the guards of commands; a command without any pays nothing.

    The constructor raises WiringError for a parameter that nobody provides.
    """

    def __init__(self, guards: Guards, injector: Injector, recorder: Recorder) -> None:
        self._recorder = recorder
        self._wired: dict[type, list[tuple[Callable[..., Any], tuple[Source, ...]]]] = {
            command: [(each, sources_of(each, injector)) for each in found] for command, found in guards.items()
        }

    def before(self, command: type, handler: Handler) -> Handler:
        """Wrap the handler of a command, once values are provided.

        What was accepted before is answered without asking again: it did take effect.
        """
        wired = self._wired.get(command)
        return handler if wired is None else self._asking(handler, [compile_handler(*each) for each in wired])

    def _asking(self, handler: Handler, guards: Sequence[Handler]) -> Handler:
        passed = guarded(_pass, guards)

        async def handle(command: Any, request: Any) -> Result[Any]:
            if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
                return replayed
            try:
                await passed(command, request)
            except Refusal as refusal:
                return failure_of(refusal, None)
            result: Result[Any] = await handler(command, request)
            return result

        return handle


async def _pass(_command: Any, _context: Any) -> None:
    """Let the guards be asked without a handler: what a handler raises is not theirs."""
