"""Views: rows that a `select()` over read models makes, kept as a table and refreshed as a whole."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.folds import Parameter, parameters_of
from diptych.model.projections import Projection, ReadModel, snake
from diptych.model.rows import row_type_of

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Every:
    """Refresh a view when so much time has passed since its last refresh: `Every(minutes=5)`.

    The parts add up. Raises ValueError when that is not more than nothing.
    """

    hours: float = 0
    minutes: float = 0
    seconds: float = 0

    def __post_init__(self) -> None:
        if self.period <= 0:
            raise ValueError(f"a view is refreshed every so many seconds, found {self.period:g}: Every(minutes=5)")

    @property
    def period(self) -> float:
        """Return the time between two refreshes, in seconds."""
        return self.hours * 3600 + self.minutes * 60 + self.seconds

    def __str__(self) -> str:
        return f"every {self.period:g} s"


@dataclass(frozen=True, slots=True)
class AfterEvents:
    """Refresh a view when its projections have passed so many events of the log: `AfterEvents(10_000)`.

    Events of every type count, and a view that none of them touched is left alone.
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a view is refreshed after 1 event or more, found {self.count}: AfterEvents(10_000)")

    def __str__(self) -> str:
        return f"after {self.count} events"


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Refresh a view when `app.refresh`, or a query with `after`, asks for it."""

    def __str__(self) -> str:
        return "on demand"


Refresh = Every | AfterEvents | OnDemand


@dataclass(frozen=True, eq=False)
class MaterialisedView(Generic[V]):
    """Keep the rows V that the `select()` of a function returns. Made by `Module.materialised`.

    `model` describes the rows as a read model does; `home` declares nothing else, and no application folds it.
    """

    function: Callable[..., Any]
    refresh: Refresh
    model: ReadModel[V]
    home: Projection

    @property
    def name(self) -> str:
        """Return the name of the view, and of its table."""
        return self.model.name

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Return the parameters of the function: each `Rows[...]` of a read model."""
        return parameters_of(self.function)


def view_of(
    function: Callable[..., Any],
    row: type[V],
    *,
    key: str | tuple[str, ...],
    refresh: Refresh,
    name: str | None = None,
    indexes: Iterable[Any] = (),
) -> MaterialisedView[V]:
    """Declare a view; raise WiringError for a function that is no plain one over `Rows[...]`, and as a read model."""
    title = name or snake(row.__name__)
    home = Projection(title)
    model = home.read_model(row, key=key, name=title, indexes=indexes)
    # No projection can have a name with a space: whoever waits for this one waits for the view.
    view = MaterialisedView(function, refresh, replace(model, projection=f"view {title}"), home)
    if not isinstance(refresh, Refresh):
        raise WiringError(
            f"view {view.name!r} is refreshed by {refresh!r}",
            where=place_of(function),
            fix="write refresh=Every(minutes=5), AfterEvents(10_000) or OnDemand()",
        )
    _refuse_unfit(view)
    return view


def _refuse_unfit(view: MaterialisedView[Any]) -> None:
    name, place = view.function.__qualname__, place_of(view.function)
    if inspect.iscoroutinefunction(view.function):
        raise WiringError(
            f"the function of view {view.name!r} is async, and all it does is to return a select()",
            where=place,
            fix=f"write def {name}(...) -> sa.Select[Any]",
        )
    others = [each.name for each in view.parameters if row_type_of(each.type) is None]
    if others or not view.parameters:
        found = f"takes {', '.join(others)}, not rows" if others else "takes no rows"
        raise WiringError(
            f"the function of view {view.name!r} {found}",
            where=place,
            fix=f"write def {name}(sales: Rows[SaleView]) -> sa.Select[Any], one parameter for each read model",
        )
