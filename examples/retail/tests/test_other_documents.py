"""Returns, movements of stock and adjustments of the ledger: what they decide."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from diptych import Missing
from diptych.testing import NOON, Scenario
from retail.customers import BalanceChanged, CustomerRegistered
from retail.documents import NumberTaken
from retail.ledger import LedgerAdjusted, PostLedgerAdjustment
from retail.posting import posting
from retail.products import ProductCreated, ProductDiscontinued
from retail.returning import returning
from retail.returns import AcceptReturn, ItemReturned, ReturnAccepted, ReturnLine
from retail.sales import SaleStarted
from retail.settings import ShopSettings
from retail.stock import AdjustStock, InventoryAdjusted, OutOfStock, StockAdjusted
from retail.stocktaking import stocktaking

given = Scenario(returning, stocktaking, posting, provide=[ShopSettings()]).given
unbound = Scenario(stocktaking, provide=[ShopSettings(negative_stock=True)]).given

MUG = ProductCreated("MUG", "red mug", Decimal("2.50"), Decimal(1), 0)
STOCK = InventoryAdjusted("MUG", 10, "opening", "MUG")
ADA = CustomerRegistered("17850", "Ada", Decimal(10))
DAY = date(2026, 1, 1)
BACK = AcceptReturn(lines=(ReturnLine("MUG", 2, Decimal("2.50")),), refund="credit", customer="17850", till="T1")


def test_a_return_puts_goods_on_the_shelf_and_lowers_what_is_owed() -> None:
    given(MUG, ADA).when(BACK).then(
        ReturnAccepted("T1-000001", DAY, NOON, "credit", 1, 2, Decimal("5.00"), "17850", "T1"),
        ItemReturned("T1-000001", "MUG", 2, Decimal("2.50")),
        InventoryAdjusted("MUG", 2, "return", "T1-000001"),
        BalanceChanged("17850", Decimal("-5.00"), "T1-000001"),
    ).then_value("T1-000001")


def test_goods_that_are_sold_no_longer_are_taken_back() -> None:
    given(MUG, ADA, ProductDiscontinued("MUG")).when(BACK).then_value("T1-000001")


def test_a_return_names_every_product_and_customer_that_is_unknown() -> None:
    given().when(BACK).then_invalid({"lines[0].product": "no product MUG", "customer": "no customer 17850"})


def test_a_till_counts_sales_returns_movements_and_adjustments_together() -> None:
    sold = SaleStarted("T1-000001", "cash", NOON, None, "T1")
    moved = StockAdjusted("T1-000002", "MUG", 1, "found", NOON, DAY, "T1")
    returned = ReturnAccepted("T1-000003", DAY, NOON, "cash", 1, 1, Decimal(1), None, "T1")
    posted = LedgerAdjusted("T1-000004", DAY, NOON, Decimal(1), 0, "found", "T1")

    given(MUG, ADA, sold, moved, returned, posted).when(BACK).then_value("T1-000005")


def test_a_number_may_stand_on_a_sale_and_on_movements_but_not_on_two_returns() -> None:
    sold = SaleStarted("536365", "cash", NOON)
    back = AcceptReturn(lines=BACK.lines, refund="cash", number="536365")

    given(MUG, sold).when(back).then_value("536365")
    given(MUG, ReturnAccepted("536365", DAY, NOON, "cash", 1, 1, Decimal(1))).when(back).then_refused(NumberTaken)


def test_a_write_off_lowers_stock_and_a_find_raises_it() -> None:
    lost = AdjustStock(product="MUG", delta=-3, reason="broken", till="T1")

    given(MUG, STOCK).when(lost).then(
        StockAdjusted("T1-000001", "MUG", -3, "broken", NOON, DAY, "T1"),
        InventoryAdjusted("MUG", -3, "movement", "T1-000001"),
    )
    given(MUG).when(AdjustStock(product="MUG", delta=3, reason="found", till="T1")).then_value("T1-000001")


def test_no_more_is_written_off_than_there_is_unless_stock_may_be_negative() -> None:
    lost = AdjustStock(product="MUG", delta=-11, reason="broken", till="T1")

    given(MUG, STOCK).when(lost).then_refused(OutOfStock, available=10, asked=11)
    unbound(MUG, STOCK).when(lost).then_value("T1-000001")


def test_a_movement_moves_something_that_there_is() -> None:
    given(MUG).when(AdjustStock(product="MUG", delta=0, reason="?", till="T1")).then_invalid({"delta": "found 0"})
    given().when(AdjustStock(product="MUG", delta=1, reason="?", till="T1")).then_refused(Missing)


def test_a_sum_is_posted_once_under_its_number() -> None:
    debt = PostLedgerAdjustment(amount=Decimal("-11062.06"), reason="Adjust bad debt", units=1, number="A563186")
    posted = LedgerAdjusted("A563186", DAY, NOON, Decimal("-11062.06"), 1, "Adjust bad debt")

    given().when(debt).then(posted).then_value("A563186")
    given(posted).when(debt).then_refused(NumberTaken)


def test_a_sum_of_nothing_is_not_posted() -> None:
    given().when(PostLedgerAdjustment(amount=Decimal(0), reason="?", till="T1")).then_invalid({"amount": "found 0"})
