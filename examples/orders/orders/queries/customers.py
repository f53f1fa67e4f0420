"""What may be asked about customers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from diptych import Module, Page, Query, Rows
from orders.queries.paging import Limit, Offset
from orders.values import Segment, Text
from orders.views.customers import CustomerAnalytics, CustomerOrders
from orders.views.parties import CustomerView
from orders.views.summaries import OrderSummary, of_customer

customer_queries = Module("customer_queries")


@dataclass(frozen=True, slots=True)
class GetCustomer(Query[CustomerView | None]):
    """Ask for a customer by id."""

    customer: UUID


@dataclass(frozen=True, slots=True)
class FindCustomers(Query[Page[CustomerView]]):
    """Search customers by the words of name and e-mail address; without any, list them by name."""

    text: Text | None = None
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class OrdersOfCustomer:
    """A customer's orders in sum, and a page of them, the newest first."""

    totals: CustomerOrders
    orders: Page[OrderSummary]


@dataclass(frozen=True, slots=True)
class GetCustomerOrders(Query[OrdersOfCustomer | None]):
    """Ask for a customer's orders: how many, total, average, first and last, and the newest of them."""

    customer: UUID
    limit: Limit = 10
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class GetCustomerAnalytics(Query[CustomerAnalytics | None]):
    """Ask what can be said of a customer."""

    customer: UUID


@dataclass(frozen=True, slots=True)
class ListSegment(Query[Page[CustomerAnalytics]]):
    """Ask for the customers of a segment, those who spent most first."""

    segment: Segment
    limit: Limit = 50
    offset: Offset = 0


@customer_queries.query
async def get_customer(query: GetCustomer, customers: Rows[CustomerView]) -> CustomerView | None:
    """Return the customer of that id."""
    return await customers.get(query.customer)


@customer_queries.query
async def find_customers(query: FindCustomers, customers: Rows[CustomerView]) -> Page[CustomerView]:
    """Return the page of customers that match."""
    if query.text is None:
        return await customers.find(order=("name",), limit=query.limit, offset=query.offset)
    return await customers.search(query.text, limit=query.limit, offset=query.offset)


@customer_queries.query
async def get_customer_orders(
    query: GetCustomerOrders, totals: Rows[CustomerOrders], orders: Rows[OrderSummary]
) -> OrdersOfCustomer | None:
    """Return the customer's orders in sum, with a page of them."""
    found = await totals.get(query.customer)
    if found is None:
        return None
    mine = of_customer.bind(customer=query.customer)
    page = await orders.find(mine, order=("-created", "order"), limit=query.limit, offset=query.offset)
    return OrdersOfCustomer(found, page)


@customer_queries.query
async def get_customer_analytics(
    query: GetCustomerAnalytics, analytics: Rows[CustomerAnalytics]
) -> CustomerAnalytics | None:
    """Return what can be said of that customer."""
    return await analytics.get(query.customer)


@customer_queries.query
async def list_segment(query: ListSegment, analytics: Rows[CustomerAnalytics]) -> Page[CustomerAnalytics]:
    """Return the page of customers of that segment."""
    order = ("-spent", "customer")
    return await analytics.find(segment=query.segment, order=order, limit=query.limit, offset=query.offset)
