"""Who may do and see what: customers what concerns their own orders, the staff all, others nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from diptych import Command, Forbidden, Module, NotAllowed, Query, WiringError
from orders.app import QUERIES, READ_MODELS, guarded
from orders.clerk import HOME, Clerk
from orders.commands import (
    AddItem,
    CreateOrder,
    InvoiceOrder,
    ListProduct,
    PlaceOrder,
    SetShippingAddress,
    UpdateStatus,
)
from orders.queries.aggregates import ListCategorySales
from orders.queries.customers import FindCustomers, GetCustomer, GetCustomerAnalytics, GetCustomerOrders
from orders.queries.orders import ListOrders, SearchOrders
from orders.queries.products import ListProductSales, ListSalesEntries
from orders.settings import OrderSettings

ADA = UUID(int=1)


async def test_nobody_but_customer_and_staff_touches_an_order(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})

    commands: tuple[Command[Any], ...] = (
        CreateOrder(customer=ada, shipping=HOME, payment="card"),
        AddItem(order, mug, 1),
        SetShippingAddress(order, HOME),
        PlaceOrder(order),
        UpdateStatus(order, "cancelled"),
    )
    for command in commands:
        for principal in ("mallory", None, str(UUID(int=7))):
            assert isinstance(await clerk.application.send(command, principal=principal), Forbidden), command


async def test_only_the_staff_lists_products_and_writes_invoices(clerk: Clerk) -> None:
    commands: tuple[Command[Any], ...] = (
        ListProduct(name="mug", category="kitchen", price=Decimal(1)),
        InvoiceOrder(UUID(int=2)),
    )

    for command in commands:
        result = await clerk.application.send(command, principal=str(ADA))
        assert isinstance(result, Forbidden)
        assert "is for the staff" in result.error


async def test_customers_ask_nothing_about_others(clerk: Clerk) -> None:
    other = UUID(int=2)
    queries: tuple[Query[Any], ...] = (
        FindCustomers(),
        GetCustomerAnalytics(ADA),
        ListProductSales(),
        ListSalesEntries(),
        ListCategorySales(),
        SearchOrders(),
        SearchOrders(customer=other),
        ListOrders(other),
        GetCustomer(other),
        GetCustomerOrders(other),
    )

    for query in queries:
        with pytest.raises(NotAllowed):
            await clerk.application.ask(query, principal=str(ADA))


async def test_customers_see_their_own_orders_and_no_others(clerk: Clerk) -> None:
    ada, grace = await clerk.customer("Ada"), await clerk.customer("Grace")
    mug = await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})
    await clerk.application.caught_up()
    hers, others = clerk.on_behalf_of(ada), clerk.on_behalf_of(grace)

    assert await hers.get(order) is not None
    assert await others.get(order) is None
    assert [row.order for row in await hers.find(SearchOrders(customer=ada))] == [order]
    assert (await hers.of_customer(ada)) is not None


class Forgotten(Query[None]):
    """A query that somebody forgot to guard."""


forgetful = Module("forgetful")


@forgetful.query
async def forget(query: Forgotten) -> None:
    """Answer nothing."""


def test_a_message_that_nobody_guards_keeps_the_application_from_starting() -> None:
    with pytest.raises(WiringError, match="no guard is asked about Forgotten"):
        guarded(*QUERIES, forgetful, *READ_MODELS, provide=[OrderSettings()])
