"""What may be asked about customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.views.customers import CustomerView, owing

customer_queries = Module("customer_queries")


@dataclass(frozen=True, slots=True)
class GetCustomer(Query[CustomerView | None]):
    """Ask for a customer by id."""

    customer: str


@dataclass(frozen=True, slots=True)
class FindCustomers(Query[Page[CustomerView]]):
    """Search customers by words of id and name, the last of which may be cut short.

    In the order of their names, or the best, or the deepest in debt.
    """

    text: str = ""
    owing: bool = False
    order: Literal["name", "-net", "-balance"] = "name"
    limit: Limit = 50
    offset: Offset = 0


@customer_queries.query
async def get_customer(query: GetCustomer, customers: Rows[CustomerView]) -> CustomerView | None:
    """Return the customer of that id."""
    return await customers.get(query.customer)


@customer_queries.query
async def find_customers(query: FindCustomers, customers: Rows[CustomerView]) -> Page[CustomerView]:
    """Return the page of customers that match."""
    where: list[Any] = [owing] if query.owing else []  # Any: a specification, a condition
    if query.text.strip():
        where.append(customers.matching(query.text))
    return await customers.find(*where, order=[query.order, "customer"], limit=query.limit, offset=query.offset)
