"""Guards: what only the staff may do, and what customers may ask about themselves.

Every message is named by a guard: the applications are `unguarded="refuse"`, so that a new one is not open by mistake.
Whose an order is, only the write model knows: it refuses strangers itself.
"""

from __future__ import annotations

from diptych import Context, Module, NotAllowed
from orders.commands import (
    AddItem,
    CreateOrder,
    InvoiceOrder,
    ListProduct,
    PlaceOrder,
    RegisterCustomer,
    SetShippingAddress,
    UpdateStatus,
)
from orders.queries.aggregates import ListCategorySales, ListSegments
from orders.queries.customers import FindCustomers, GetCustomer, GetCustomerAnalytics, GetCustomerOrders, ListSegment
from orders.queries.orders import GetOrder, ListOrders, ScrollOrders, SearchOrders
from orders.queries.products import (
    FindProducts,
    GetProduct,
    ListPopularProducts,
    ListProductSales,
    ListSalesEntries,
)
from orders.settings import OrderSettings

Internal = (
    FindCustomers
    | GetCustomerAnalytics
    | ListSegment
    | ListProductSales
    | ListSalesEntries
    | ListCategorySales
    | ListSegments
)
Personal = GetCustomer | GetCustomerOrders | ListOrders | ScrollOrders

command_guards, query_guards = Module("command_guards"), Module("query_guards")


@command_guards.guards
def by_staff(command: ListProduct | InvoiceOrder, context: Context, settings: OrderSettings) -> None:
    """Let nobody but the staff pass."""
    _refuse_others(command, context, settings)


@command_guards.guards
def by_whoever_owns_it(
    command: RegisterCustomer | CreateOrder | AddItem | SetShippingAddress | PlaceOrder | UpdateStatus,
) -> None:
    """Let everybody pass: whose an order is, the write model finds out."""


@query_guards.guards
def for_anybody(query: GetProduct | FindProducts | ListPopularProducts | GetOrder) -> None:
    """Let everybody pass: what is offered is no secret, and an order of somebody else is not found."""


@query_guards.guards
def for_staff(query: Internal, context: Context, settings: OrderSettings) -> None:
    """Let nobody but the staff pass."""
    _refuse_others(query, context, settings)


@query_guards.guards
def for_oneself(query: Personal, context: Context, settings: OrderSettings) -> None:
    """Let customers ask about themselves, and the staff about all."""
    if not settings.may_see(context.principal, query.customer):
        raise NotAllowed(f"{type(query).__name__} of customer {query.customer} is for them and the staff")


@query_guards.guards
def for_ones_own(query: SearchOrders, context: Context, settings: OrderSettings) -> None:
    """Let customers search their own orders, and the staff all."""
    if query.customer is None and not settings.is_staff(context.principal):
        raise NotAllowed("only the staff searches the orders of all; say whose: customer")
    if query.customer is not None and not settings.may_see(context.principal, query.customer):
        raise NotAllowed(f"orders of customer {query.customer} are for them and the staff")


def _refuse_others(message: object, context: Context, settings: OrderSettings) -> None:
    if not settings.is_staff(context.principal):
        raise NotAllowed(f"{type(message).__name__} is for the staff")
