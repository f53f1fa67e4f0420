"""The shop as an application: `diptych serve retail.app:app`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from diptych import Application
from retail.customers import customers
from retail.departments import departments
from retail.listing import listing
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
    customer_queries,
    document_queries,
    dashboard_queries,
)
TITLE = "A retail shop"
PROJECTIONS = (assortment, trade, papers)


def build(
    data: Path | None = None,
    settings: ShopSettings | None = None,
    *,
    projections: Literal["run", "follow"] = "run",
) -> Application:
    """Build the shop over the files `shop.db` and `shop-reads.db` of a folder; in memory without one."""
    return Application(
        *MODULES,
        *PROJECTIONS,
        events="memory://" if data is None else f"sqlite:///{data.absolute()}/shop.db",
        provide=[settings or ShopSettings()],
        projections=projections,
    )


def app() -> Application:
    """Build the shop over the files of the current folder."""
    return build(Path())
