"""The resolver: provides `Rows[V]` to whoever takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from diptych.errors import WiringError
from diptych.injection import Source
from diptych.model.fields import place_of
from diptych.model.folds import Parameter
from diptych.model.projections import Projection, ReadModel
from diptych.model.rows import row_type_of
from diptych.read.rows import Rows, Shelf


class RowsResolver:
    """Provide `Rows[V]` to query handlers, and remember what was asked for."""

    def __init__(self, projections: Iterable[Projection], shelf: Shelf) -> None:
        self._shelf = shelf
        shelf.models = {model.name: model for projection in projections for model in projection.models}

    def __call__(self, parameter: Parameter, function: Callable[..., Any]) -> Source | None:
        """Return the source of a parameter `Rows[V]`; raise WiringError when not exactly one read model has rows V."""
        row = row_type_of(parameter.type)
        if row is None:
            return None
        models = self._shelf.model_of(row)
        if len(models) != 1:
            raise _unclear(parameter, function, row, models)
        return Source(value=Rows(models[0], self._shelf))

    def models_of(self, parameters: Iterable[Parameter]) -> list[ReadModel[Any]]:
        """Return the read models whose rows these parameters take."""
        rows = [row for each in parameters if (row := row_type_of(each.type)) is not None]
        return [model for row in rows for model in self._shelf.model_of(row)]


def _unclear(parameter: Parameter, function: Callable[..., Any], row: Any, models: list[ReadModel[Any]]) -> WiringError:
    name = getattr(row, "__qualname__", str(row))
    if models:
        found = f"{len(models)} read models have rows {name}: {', '.join(model.name for model in models)}"
        fix = "give each of them a row class of its own"
    else:
        found = f"no read model has rows {name}"
        fix = f"declare one, projection.read_model({name}, key=...), and pass its projection to the application"
    return WiringError(
        f"{function.__qualname__} takes {parameter.name}: Rows[{name}], and {found}", where=place_of(function), fix=fix
    )
