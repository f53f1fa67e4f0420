"""Plans: every query of the shop is answered by an index, and only counts and summaries read one from end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych import Application, Query
from diptych.testing import Plan, explained
from retail.app import build
from retail.customers import RegisterCustomer
from retail.departments import OpenDepartment
from retail.place import Place
from retail.products import CreateProduct
from retail.queries.customers import FindCustomers, GetCustomer
from retail.queries.dashboard import GetDashboard, GetShop
from retail.queries.departments import ListDepartments, ListUnits
from retail.queries.documents import CountDocuments, GetDocument
from retail.queries.products import (
    FindProducts,
    GetInventory,
    GetProduct,
    GetProductForEdit,
    ListLowStock,
    ListProducts,
    ScrollProducts,
)
from retail.queries.reports import GetSalesReport
from retail.queries.sales import (
    FindSales,
    GetCustomerHistory,
    GetSale,
    GetSaleDetail,
    ScrollCustomerHistory,
    ScrollSales,
)
from retail.queries.statistics import GetProductSales, ListBestSellers, ListPrices
from retail.queries.takings import ListTakings
from retail.sales import ProcessSale, SaleLine

DAY = date(2026, 1, 1)
QUERIES: tuple[Query[Any], ...] = (
    GetProduct("P1"),
    GetProductForEdit("P1"),
    FindProducts(),
    FindProducts(text="thing 1"),
    FindProducts(text="thing", department="D1", in_stock=True),
    FindProducts(department="D1"),
    FindProducts(discontinued=True),
    ListProducts(),
    ListProducts(department="D1", in_stock=True),
    ScrollProducts(limit=5),
    ScrollProducts(department="D1"),
    ListLowStock(),
    GetInventory(),
    GetCustomer("C1"),
    FindCustomers(),
    FindCustomers(text="customer 1"),
    FindCustomers(owing=True, order="-balance"),
    FindCustomers(order="-net"),
    FindSales(),
    FindSales(customer="C1"),
    FindSales(payment="credit"),
    FindSales(status="cancelled"),
    FindSales(minimum=Decimal(10)),
    FindSales(first=DAY, last=DAY),
    ScrollSales(limit=5),
    ScrollSales(customer="C1"),
    GetSale("T1-000001"),
    GetSaleDetail("T1-000001"),
    GetCustomerHistory("C1"),
    ScrollCustomerHistory("C1"),
    GetSalesReport(first=DAY, last=DAY),
    CountDocuments(first=DAY, last=DAY),
    GetDocument("T1-000001"),
    GetDashboard(DAY),
    GetShop(),
    GetProductSales("P1"),
    ListBestSellers(),
    ListBestSellers(by="net_units"),
    ListPrices("P1"),
    ListTakings(first=DAY),
    ListDepartments(),
    ListUnits(),
)

SORTED: tuple[Query[Any], ...] = (
    FindProducts(text="thing 1"),
    FindProducts(text="thing", department="D1", in_stock=True),
    FindCustomers(text="customer 1"),
    FindSales(first=DAY, last=DAY),
)
"""Queries that sort what an index found: the best words first, and the sales of some days by the time."""


@pytest.fixture
async def shop(home: Place) -> AsyncIterator[Application]:
    async with build(home) as shop:
        for number in range(4):
            await shop.send(OpenDepartment(f"D{number}", f"Department {number}"))
            await shop.send(RegisterCustomer(f"C{number}", f"Customer {number}", Decimal(9999)))
        for number in range(40):
            product = CreateProduct(
                product=f"P{number}",
                description=f"thing {number}",
                price=Decimal(number),
                opening_stock=9,
                department=f"D{number % 4}",
            )
            await shop.send(product)
            sale = ProcessSale(
                lines=(SaleLine(f"P{number}", 1),), payment="credit", customer=f"C{number % 4}", till="T1"
            )
            (await shop.send(sale)).unwrap()
        await shop.caught_up()
        yield shop


async def test_every_query_is_answered_by_indexes_and_only_totals_read_one_from_end_to_end(
    shop: Application, home: Place
) -> None:
    plans = {query: await explained(shop, query) for query in QUERIES}

    assert [query for query, found in plans.items() if not found] == []
    assert [str(plan) for found in plans.values() for plan in found if plan.scans and not is_total(plan)] == []
    # PostgreSQL tells what its indexes allow: it could go through some of them in order.
    sorting = {query for query, found in plans.items() if any(plan.sorts for plan in found)}
    assert sorting == set(SORTED) if isinstance(home, Path) else sorting <= set(SORTED)


def is_total(plan: Plan) -> bool:
    """Say whether a statement counts the rows of a list, which is what the totals of pages cost."""
    return plan.statement.startswith("SELECT count(*)") or "$text" in plan.statement
