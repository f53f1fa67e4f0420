"""The lending: rows for those who are no queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from diptych.injection import Injector
from diptych.model.folds import parameters_of
from diptych.read.resolver import RowsResolver
from diptych.read.rows import Shelf


class Lending:
    """Give out `Rows`, and wait until their projections have come far enough. Usable once the right panel is open."""

    def __init__(self, resolver: RowsResolver, shelf: Shelf) -> None:
        self._resolver, self._shelf = resolver, shelf

    def seen_by(self, injector: Injector) -> Injector:
        """Return an injector that gives out `Rows` as well."""
        return injector.resolving(self._resolver)

    def projections_of(self, function: Callable[..., Any]) -> tuple[str, ...]:
        """Return the projections of every `Rows` that a function takes."""
        models = self._resolver.models_of(parameters_of(function))
        return tuple(dict.fromkeys(model.projection for model in models))

    async def caught_up_to(self, projections: Sequence[str], position: int, *, seconds: float) -> None:
        """Return once these projections hold a position; a rebuild is waited for, not refused.

        Raises StaleError after some seconds, FoldError for a projection that stopped before it.
        """
        await self._shelf.reach.caught_up(projections, position, timeout=seconds)
