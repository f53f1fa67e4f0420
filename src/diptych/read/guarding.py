"""Guarding: the guards of queries, resolved at start, asked before a query is answered, from the cache too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from diptych.dispatch import Handler, compile_handler, guarded, sources_of
from diptych.injection import Injector, Source
from diptych.model.folds import parameters_of
from diptych.model.meta import Context
from diptych.read.resolver import RowsResolver
from diptych.read.rows import asking


class QueryGuards:
    """Ask the guards of one query, on the rows of now, whatever moment the query is about.

    The constructor raises WiringError for a parameter that nobody provides.
    """

    def __init__(self, guards: Sequence[Callable[..., Any]], resolver: RowsResolver, injector: Injector) -> None:
        self._wired: list[tuple[Callable[..., Any], tuple[Source, ...]]] = [
            (each, sources_of(each, injector)) for each in guards
        ]
        models = (model for each in guards for model in resolver.models_of(parameters_of(each)))
        self.projections = tuple(dict.fromkeys(model.projection for model in models))

    def before(self, handler: Handler) -> Handler:
        """Wrap the handler of the query, once values are provided; a query without guards pays nothing."""
        guards = [compile_handler(*each) for each in self._wired]
        return guarded(handler, map(_of_now, guards))


def _of_now(guard: Handler) -> Handler:
    async def ask(query: Any, context: Context) -> Any:
        token = asking.set(None)
        try:
            return await guard(query, context)
        finally:
            asking.reset(token)

    return ask
