"""The application: `diptych serve orders.app:app`, on the write model that `ORDERS_WRITE` names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from diptych import Application, Module, Projection, Subscriber
from orders.guards import command_guards, query_guards
from orders.normalised import normalised
from orders.notices import notices, post
from orders.place import Place, log_at
from orders.queries.aggregates import aggregate_queries
from orders.queries.customers import customer_queries
from orders.queries.orders import order_queries
from orders.queries.products import product_queries
from orders.settings import OrderSettings, WriteModel, settings_of
from orders.sourced import sourced
from orders.upcasting import upcasting
from orders.views.parties import sales

WRITE_MODELS: Final[Mapping[WriteModel, tuple[Module, ...]]] = {
    "sourced": (sourced, command_guards),
    "normalised": (normalised, command_guards),
}
QUERIES: Final = (order_queries, customer_queries, product_queries, aggregate_queries, query_guards)
READ_MODELS: Final = (sales,)
SUBSCRIBERS: Final = (notices,)


def build(
    data: Place | None = None,
    settings: OrderSettings | None = None,
    *,
    subscribers: Literal["run", "inline", "off"] = "off",
    provide: Iterable[Any] = (),
    **more: Any,  # Any: what else an Application takes
) -> Application:
    """Build both sides in one process, over the files `orders.db` and `orders-reads.db` of a folder, or a database.

    In memory without either. Without subscribers nobody is told anything; `provide` says who tells them else.
    """
    chosen = settings or OrderSettings()
    return guarded(
        *WRITE_MODELS[chosen.write],
        *QUERIES,
        *READ_MODELS,
        *SUBSCRIBERS,
        events=log_at(data),
        provide=[chosen, post, *provide],
        subscribers=subscribers,
        **more,
    )


def command_side(data: Place, settings: OrderSettings) -> Application:
    """Build the side that decides: it writes the log, and knows neither read models nor queries."""
    return guarded(*WRITE_MODELS[settings.write], events=log_at(data), reads="memory://", provide=[settings])


def query_side(data: Place, settings: OrderSettings) -> Application:
    """Build the side that answers: it folds the log, tells customers, and knows no command."""
    return guarded(*QUERIES, *READ_MODELS, *SUBSCRIBERS, events=log_at(data), provide=[settings, post])


def guarded(*parts: Module | Projection | Subscriber, **settings: Any) -> Application:
    """Build an application that reads old events, and does not start with a message that nobody guards."""
    return Application(*parts, upcasting, unguarded="refuse", **settings)


def app() -> Application:
    """Build the application over the files of the current folder, as the environment says."""
    return build(Path(), settings_of(), subscribers="run")
