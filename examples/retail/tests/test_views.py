"""Read models: what their rows say after some events."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from diptych.testing import NOON, Scenario
from retail.app import PROJECTIONS
from retail.customers import BalanceChanged, CustomerRegistered
from retail.ledger import LedgerAdjusted
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductPriced
from retail.returns import ItemReturned, ReturnAccepted
from retail.sales import CancelledLine, ItemAdded, SaleCancelled, SaleCompleted
from retail.stock import InventoryAdjusted, StockAdjusted
from retail.values import average
from retail.views.customers import CustomerView
from retail.views.documents import Document
from retail.views.products import ProductListItem, ProductView
from retail.views.sales import SalesDay, SaleSummary
from retail.views.statistics import PriceChange, ProductSales

given = Scenario(*PROJECTIONS).given

DAY, LATER = date(2011, 10, 6), datetime(2011, 10, 6, 15, tzinfo=UTC)
SOLD_AT = datetime(2011, 10, 6, 9, tzinfo=UTC)
MUG = ProductCreated("MUG", "red mug", Decimal("2.50"), Decimal("1.10"), 5)
ADA = CustomerRegistered("17850", "Ada", Decimal(10))
CASH = SaleCompleted("1", DAY, SOLD_AT, "cash", 2, 3, Decimal("6.00"), Decimal("6.00"), "17850")
CREDIT = SaleCompleted("2", DAY, LATER, "credit", 1, 1, Decimal("2.5"), Decimal(0), "17850")
UNDONE = SaleCancelled(
    "1", DAY, "cash", 3, Decimal("6.00"), "mistake", (CancelledLine("MUG", 3, Decimal("2.00")),), "17850"
)
BACK = ReturnAccepted("C1", DAY, LATER, "cash", 1, 1, Decimal("2.5"), "17850")


def test_a_product_row_follows_price_description_and_stock() -> None:
    row = given(
        MUG,
        InventoryAdjusted("MUG", 9, "opening", "MUG"),
        ProductPriced("MUG", Decimal(3)),
        ProductDescribed("MUG", "mug"),
        InventoryAdjusted("MUG", -5, "sale", "1"),
    ).row(ProductView, "MUG")

    assert row == ProductView("MUG", "mug", Decimal(3), Decimal("1.10"), 5, 4, False, NOON, None, NOON, None)
    assert row.is_low_stock
    assert row.stock_value == Decimal("4.40")


def test_a_discontinued_product_is_never_low() -> None:
    row = given(MUG, ProductDiscontinued("MUG")).row(ProductView, "MUG")

    assert row is not None
    assert row.discontinued
    assert not row.is_low_stock


def test_a_list_item_has_only_what_a_list_shows() -> None:
    row = given(MUG, InventoryAdjusted("MUG", 9, "opening", "MUG")).row(ProductListItem, "MUG")

    assert row == ProductListItem("MUG", "red mug", Decimal("2.50"), 9)


def test_statistics_count_sales_and_returns_and_forget_cancelled_sales() -> None:
    sold = ItemAdded("1", "MUG", 3, Decimal("2.00"))
    back = ItemReturned("C1", "MUG", 1, Decimal("2.50"))

    row = given(MUG, sold, sold, back, UNDONE).row(ProductSales, "MUG")

    assert row == ProductSales("MUG", "red mug", 1, 3, Decimal("6.00"), 1, Decimal("2.50"))
    assert (row.net_units, row.net_revenue, row.average_price) == (2, Decimal("3.50"), Decimal(2))


def test_every_price_is_kept() -> None:
    history = given(MUG, ProductPriced("MUG", Decimal(3)))

    assert history.row(PriceChange, 1, 0) == PriceChange("MUG", Decimal("2.50"), NOON, None)
    assert history.row(PriceChange, 2, 0) == PriceChange("MUG", Decimal(3), NOON, None)


def test_a_sale_row_says_what_a_list_shows_and_whether_it_was_cancelled() -> None:
    row = given(ADA, CASH, UNDONE).row(SaleSummary, "1")

    assert row == SaleSummary(
        "1", DAY, SOLD_AT, "17850", "cash", 2, 3, Decimal("6.00"), Decimal("6.00"), None, None, "cancelled"
    )


def test_a_day_counts_its_sales_by_payment() -> None:
    row = given(ADA, CASH, CREDIT).row(SalesDay, DAY)

    assert row == SalesDay(DAY, 2, 3, 4, Decimal("8.5"), 1, Decimal(6), 1, Decimal("2.5"))
    assert row.average == Decimal("4.25")


def test_a_cancelled_sale_leaves_its_day() -> None:
    cancelled = SaleCancelled("2", DAY, "credit", 1, Decimal("2.5"), "?", (CancelledLine("MUG", 1, Decimal(1)),))

    row = given(ADA, CASH, CREDIT, cancelled).row(SalesDay, DAY)

    assert row == SalesDay(DAY, 1, 2, 3, Decimal(6), 1, Decimal(6), 0, Decimal(0))


def test_documents_of_all_kinds_count_as_they_are() -> None:
    papers = given(ADA, CASH, BACK, LedgerAdjusted("A1", DAY, LATER, Decimal(-9), 1, "bad debt"))

    assert papers.row(Document, "1") == Document("1", "sale", DAY, 2, 3, Decimal(6))
    assert papers.row(Document, "C1") == Document("C1", "return", DAY, 1, -1, Decimal("-2.5"))
    assert papers.row(Document, "A1") == Document("A1", "adjustment", DAY, 1, 1, Decimal(-9))


def test_a_paper_with_a_sale_and_movements_is_a_sale_whichever_came_first() -> None:
    moved = StockAdjusted("1", "MUG", -4, "damaged", LATER, DAY)
    both = Document("1", "sale", DAY, 3, -1, Decimal(6))

    assert given(ADA, CASH, moved).row(Document, "1") == both
    assert given(ADA, moved, CASH).row(Document, "1") == both


def test_a_cancelled_sale_counts_for_nothing_and_stays_on_file() -> None:
    assert given(ADA, CASH, UNDONE).row(Document, "1") == Document("1", "sale", DAY, 2, 0, Decimal(0), True)


def test_a_customer_row_adds_up_what_was_bought_brought_back_and_is_owed() -> None:
    row = given(ADA, CREDIT, BalanceChanged("17850", Decimal("2.5"), "2"), CASH, BACK).row(CustomerView, "17850")

    assert row == CustomerView(
        "17850", "Ada", Decimal(10), NOON, Decimal("2.5"), 2, Decimal("8.5"), 1, Decimal("2.5"), SOLD_AT, LATER
    )
    assert (row.net, row.average_sale) == (Decimal(6), Decimal("4.25"))


def test_a_sale_to_nobody_known_changes_no_customer() -> None:
    anonymous = SaleCompleted("3", DAY, LATER, "cash", 1, 1, Decimal(1), Decimal(1))

    assert given(ADA, anonymous, CASH, UNDONE).row(CustomerView, "17850") == CustomerView(
        "17850", "Ada", Decimal(10), NOON, first_sale=SOLD_AT, last_sale=SOLD_AT
    )


def test_an_average_has_four_places_and_halves_go_to_the_even_digit() -> None:
    assert average(Decimal("0.0001"), 2) == Decimal("0.0000")
    assert average(Decimal("0.0003"), 2) == Decimal("0.0002")
    assert average(Decimal(10), 3) == Decimal("3.3333")
    assert average(Decimal(10), 0) == 0
