"""Sales and their cancellation: what they decide."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from diptych import Missing
from diptych.testing import NOON, Outcome, Scenario
from retail.customers import BalanceChanged, CreditLimitExceeded, CustomerRegistered
from retail.documents import NumberTaken
from retail.products import ProductCreated, ProductDiscontinued, ProductPriced
from retail.sales import (
    CancelledLine,
    CancelSale,
    ItemAdded,
    ProcessSale,
    SaleCancelled,
    SaleCompleted,
    SaleLine,
    SaleStarted,
)
from retail.selling import AlreadyCancelled, Underpaid, selling
from retail.settings import ShopSettings
from retail.stock import InventoryAdjusted, OutOfStock

given = Scenario(selling, provide=[ShopSettings()]).given
unbound = Scenario(selling, provide=[ShopSettings(negative_stock=True)]).given

MUG = ProductCreated("MUG", "red mug", Decimal("2.50"), Decimal(1), 0)
CUP = ProductCreated("CUP", "blue cup", Decimal("1.25"), Decimal(1), 0)
SHELF = (MUG, CUP, InventoryAdjusted("MUG", 10, "opening", "MUG"), InventoryAdjusted("CUP", 10, "opening", "CUP"))
ADA = CustomerRegistered("17850", "Ada", Decimal(10))
DAY = date(2026, 1, 1)


def sale(*lines: SaleLine, payment: Any = "cash", till: str | None = "T1", **more: Any) -> ProcessSale:
    return ProcessSale(lines=lines or (SaleLine("MUG", 2),), payment=payment, till=till, **more)


def total_of(outcome: Outcome) -> Decimal:
    return next(event.total for event in outcome.events if isinstance(event, SaleCompleted))


def test_a_sale_records_its_lines_and_what_they_take_from_stock() -> None:
    outcome = given(*SHELF).when(sale(SaleLine("MUG", 2), SaleLine("CUP", 1, Decimal("1.00"))))

    outcome.then(
        SaleStarted("T1-000001", "cash", NOON, None, "T1"),
        ItemAdded("T1-000001", "MUG", 2, Decimal("2.50")),
        InventoryAdjusted("MUG", -2, "sale", "T1-000001"),
        ItemAdded("T1-000001", "CUP", 1, Decimal("1.00")),
        InventoryAdjusted("CUP", -1, "sale", "T1-000001"),
        SaleCompleted(
            "T1-000001", DAY, NOON, "cash", lines=2, units=3, total=Decimal("6.00"), paid=Decimal("6.00"), till="T1"
        ),
    ).then_value("T1-000001")


def test_each_till_counts_its_own_documents() -> None:
    before = (SaleStarted("T1-000001", "cash", NOON, None, "T1"), SaleStarted("T1-000002", "cash", NOON, None, "T1"))

    given(*SHELF, *before).when(sale()).then_value("T1-000003")
    given(*SHELF, *before).when(sale(till="T2")).then_value("T2-000001")


def test_a_given_number_is_kept_and_taken_once() -> None:
    imported = sale(till=None, number="536365")

    given(*SHELF).when(imported).then_value("536365")
    given(*SHELF, SaleStarted("536365", "cash", NOON)).when(imported).then_refused(NumberTaken, number="536365")


@pytest.mark.parametrize(("till", "number"), [(None, None), ("T1", "536365")])
def test_a_sale_is_numbered_by_a_till_or_brings_its_number(till: str | None, number: str | None) -> None:
    given(*SHELF).when(sale(till=till, number=number)).then_invalid({"till": "either"})


def test_a_sale_is_of_the_day_on_which_the_shops_clock_stood() -> None:
    late = datetime(2011, 6, 30, 23, 30, tzinfo=UTC)

    outcome = given(*SHELF).when(sale(sold_at=late))

    completed = outcome.events[-1]
    assert (completed.sold_at, completed.day) == (late, date(2011, 7, 1))


def test_without_a_price_charged_the_price_of_the_moment_counts() -> None:
    assert total_of(given(*SHELF, ProductPriced("MUG", Decimal(4))).when(sale())) == 8


def test_a_blank_code_a_negative_quantity_and_no_payment_are_three_errors_at_once() -> None:
    given(*SHELF).when(sale(SaleLine(" ", -2), payment=None)).then_invalid(
        {"lines[0].product": "blank", "lines[0].quantity": "at least 1", "payment": ...}
    )


def test_two_unknown_products_are_two_errors_with_their_paths() -> None:
    lines = (SaleLine("X", 1), SaleLine("MUG", 1), SaleLine("Y", 1))

    given(*SHELF).when(sale(*lines)).then_invalid(
        {"lines[0].product": "there is no product X", "lines[2].product": "there is no product Y"}
    )


def test_an_unknown_customer_is_an_error_beside_the_others() -> None:
    given(*SHELF).when(sale(SaleLine("X", 1), customer="17850")).then_invalid(
        {"lines[0].product": ..., "customer": "there is no customer 17850"}
    )


def test_a_discontinued_product_is_not_sold() -> None:
    given(*SHELF, ProductDiscontinued("MUG")).when(sale()).then_invalid({"lines[0].product": "sold no longer"})


def test_more_than_there_is_is_refused_with_what_there_is_and_what_was_asked() -> None:
    lines = (SaleLine("MUG", 6), SaleLine("CUP", 1), SaleLine("MUG", 5))

    given(*SHELF).when(sale(*lines)).then_refused(OutOfStock, available=10, asked=11, product="MUG")


def test_where_stock_may_be_negative_a_sale_does_not_even_read_it() -> None:
    unbound(MUG).when(sale(SaleLine("MUG", 99))).then_value("T1-000001")


def test_less_cash_than_the_goods_cost_is_refused() -> None:
    given(*SHELF).when(sale(paid=Decimal("4.99"))).then_refused(Underpaid, total="5.00", paid="4.99")


def test_a_sale_on_credit_changes_the_balance_by_what_was_not_paid() -> None:
    outcome = given(*SHELF, ADA).when(sale(payment="credit", customer="17850", paid=Decimal(2)))

    assert outcome.events[-1] == BalanceChanged("17850", Decimal("3.00"), "T1-000001")


def test_nobody_owes_more_than_the_limit() -> None:
    owed = BalanceChanged("17850", Decimal("5.01"), "T1-000000")

    given(*SHELF, ADA, owed).when(sale(payment="credit", customer="17850")).then_refused(
        CreditLimitExceeded, limit="10", balance="5.01", asked="5.00"
    )


def test_credit_is_given_to_somebody() -> None:
    given(*SHELF).when(sale(payment="credit")).then_invalid({"customer": "required"})


def test_on_credit_nobody_pays_more_than_the_goods_cost() -> None:
    wrong = sale(payment="credit", customer="17850", paid=Decimal(6))

    given(*SHELF, ADA).when(wrong).then_invalid({"paid": "at most"})


SOLD = (
    SaleStarted("T1-000001", "credit", NOON, "17850", "T1"),
    ItemAdded("T1-000001", "MUG", 2, Decimal("2.50")),
    SaleCompleted("T1-000001", DAY, NOON, "credit", 1, 2, Decimal("5.00"), Decimal(1), "17850", "T1"),
)


def test_a_cancelled_sale_puts_the_goods_back_and_forgives_the_debt() -> None:
    given(*SHELF, ADA, *SOLD).when(CancelSale("T1-000001", "mistake")).then(
        SaleCancelled(
            "T1-000001",
            DAY,
            "credit",
            2,
            Decimal("5.00"),
            "mistake",
            (CancelledLine("MUG", 2, Decimal("2.50")),),
            "17850",
        ),
        InventoryAdjusted("MUG", 2, "cancellation", "T1-000001"),
        BalanceChanged("17850", Decimal("-4.00"), "T1-000001"),
    )


def test_a_sale_is_cancelled_once_and_only_if_it_was_made() -> None:
    cancel = CancelSale("T1-000001", "mistake")
    cancelled = SaleCancelled("T1-000001", DAY, "credit", 2, Decimal(5), "mistake", (), "17850")

    given(*SHELF).when(cancel).then_refused(Missing, sale="T1-000001")
    given(*SHELF, *SOLD, cancelled).when(cancel).then_refused(AlreadyCancelled)
