"""The shop as an application: `diptych serve retail.app:app`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from diptych import Application
from retail.customers import customers
from retail.departments import departments
from retail.listing import listing
from retail.place import Place, log_at
from retail.posting import posting
from retail.products import products
from retail.queries.customers import customer_queries
from retail.queries.dashboard import dashboard_queries
from retail.queries.departments import department_queries
from retail.queries.documents import document_queries
from retail.queries.products import product_queries
from retail.queries.reports import report_queries
from retail.queries.sales import sale_queries
from retail.queries.statistics import statistics_queries
from retail.queries.takings import takings_queries
from retail.reactions.feed import feed
from retail.reactions.mail import mail
from retail.reactions.ports import mailer, search_index
from retail.reactions.reorder import reorder
from retail.returning import returning
from retail.selling import selling
from retail.settings import ShopSettings
from retail.stocktaking import stocktaking
from retail.units import units
from retail.views.departments import assortment
from retail.views.documents import papers
from retail.views.statistics import trade

MODULES = (
    departments,
    units,
    products,
    listing,
    customers,
    selling,
    returning,
    stocktaking,
    posting,
    department_queries,
    product_queries,
    statistics_queries,
    sale_queries,
    report_queries,
    takings_queries,
    customer_queries,
    document_queries,
    dashboard_queries,
)
TITLE = "A retail shop"
PROJECTIONS = (assortment, trade, papers)
SUBSCRIBERS = (mail, reorder, feed)


def build(
    data: Place | None = None,
    settings: ShopSettings | None = None,
    *,
    projections: Literal["run", "follow"] = "run",
    subscribers: Literal["run", "inline", "off"] = "off",
    provide: Iterable[Any] = (),
) -> Application:
    """Build the shop over the files `shop.db` and `shop-reads.db` of a folder, or a database; in memory without one.

    Without subscribers nobody outside is told anything; `provide` says who they are when somebody is.
    """
    return Application(
        *MODULES,
        *PROJECTIONS,
        *SUBSCRIBERS,
        events=log_at(data),
        provide=[settings or ShopSettings(), mailer, search_index, *provide],
        projections=projections,
        subscribers=subscribers,
    )


def app() -> Application:
    """Build the shop over the files of the current folder."""
    return build(Path(), subscribers="run")
