"""Read models: what their rows say after some events."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from diptych.testing import NOON, Scenario
from retail.app import PROJECTIONS
from retail.customers import BalanceChanged, CustomerRegistered
from retail.departments import DepartmentOpened, DepartmentRenamed
from retail.ledger import LedgerAdjusted
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.returns import ItemReturned, ReturnAccepted
from retail.sales import CancelledLine, ItemAdded, SaleCancelled, SaleCompleted
from retail.stock import InventoryAdjusted, StockAdjusted
from retail.units import UnitOpened, UnitRenamed
from retail.values import average
from retail.views.customers import CustomerView, Purchase
from retail.views.documents import Document, DocumentDay
from retail.views.drafts import ProductForEdit
from retail.views.lists import ProductListItem
from retail.views.prices import PriceChange
from retail.views.products import ProductView
from retail.views.sales import SalesDay, SaleSummary, SoldLine
from retail.views.search import ProductFound
from retail.views.statistics import ProductSales
from retail.views.stock import SHOP, StockTotals

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

    assert row == ProductView(
        "MUG", "mug", None, None, None, None, Decimal(3), Decimal("1.10"), 5, 4, False, NOON, None, NOON, None
    )
    assert row.is_low_stock
    assert row.stock_value == Decimal("4.40")


def test_a_discontinued_product_is_never_low() -> None:
    row = given(MUG, ProductDiscontinued("MUG")).row(ProductView, "MUG")

    assert row is not None
    assert row.discontinued
    assert not row.is_low_stock


def test_a_list_item_has_only_what_a_list_shows() -> None:
    row = given(MUG, InventoryAdjusted("MUG", 9, "opening", "MUG")).row(ProductListItem, "MUG")

    assert row == ProductListItem("MUG", "red mug", None, None, Decimal("2.50"), 9)


KITCHEN, GARDEN, PIECE = DepartmentOpened("K", "Kitchen"), DepartmentOpened("G", "Garden"), UnitOpened("PC", "piece")
POT = ProductCreated("POT", "pot", Decimal(9), Decimal(5), 1, "K", "PC")
POTS = (KITCHEN, GARDEN, PIECE, POT)


def shown(*events: Any) -> tuple[Any, ...]:
    """Return what every read model of products says of department and unit of the pot after these events."""
    history = given(*POTS, *events)
    full, item = history.row(ProductView, "POT"), history.row(ProductListItem, "POT")
    hit, draft = history.row(ProductFound, "POT"), history.row(ProductForEdit, "POT")
    assert full is not None
    assert item is not None
    assert hit is not None
    assert draft is not None
    assert {(row.department, row.department_name) for row in (item, hit)} == {(full.department, full.department_name)}
    assert (draft.department, draft.unit) == (full.department, full.unit)
    return full.department, full.department_name, full.unit, full.unit_name


def test_a_product_shows_the_names_of_its_department_and_its_unit() -> None:
    assert shown() == ("K", "Kitchen", "PC", "piece")


def test_a_new_name_of_a_department_or_a_unit_reaches_its_products_and_no_others() -> None:
    assert shown(DepartmentRenamed("K", "Cooking"), UnitRenamed("PC", "each")) == ("K", "Cooking", "PC", "each")
    assert shown(DepartmentRenamed("G", "Outdoors")) == ("K", "Kitchen", "PC", "piece")


def test_a_product_that_moved_follows_its_new_department() -> None:
    moved = ProductMoved("POT", "G")

    assert shown(moved) == ("G", "Garden", "PC", "piece")
    assert shown(moved, DepartmentRenamed("K", "Cooking")) == ("G", "Garden", "PC", "piece")
    assert shown(moved, DepartmentRenamed("G", "Outdoors")) == ("G", "Outdoors", "PC", "piece")


def test_a_search_says_whether_there_are_any() -> None:
    none = given(*POTS).row(ProductFound, "POT")
    some = given(*POTS, InventoryAdjusted("POT", 2, "opening", "POT")).row(ProductFound, "POT")
    sold = given(*POTS, InventoryAdjusted("POT", 2, "opening", "POT"), InventoryAdjusted("POT", -2, "sale", "1")).row(
        ProductFound, "POT"
    )

    assert [row is not None and row.available for row in (none, some, sold)] == [False, True, False]


def test_a_form_begins_with_what_was_edited_last_and_no_sale_touches_it() -> None:
    row = given(
        *POTS, ProductPriced("POT", Decimal(8)), ProductMoved("POT", "G"), InventoryAdjusted("POT", -5, "sale", "1")
    ).row(ProductForEdit, "POT")

    assert row == ProductForEdit("POT", "pot", "G", "PC", Decimal(8), Decimal(5), 1)


def test_the_totals_of_stock_follow_every_product() -> None:
    history = given(
        *POTS,
        MUG,
        InventoryAdjusted("POT", 3, "opening", "POT"),
        InventoryAdjusted("MUG", 4, "opening", "MUG"),
        InventoryAdjusted("POT", -1, "sale", "1"),
    )

    assert history.row(StockTotals, SHOP) == StockTotals(SHOP, 2, 6, Decimal("14.40"), 1)


def test_statistics_count_sales_and_returns_and_forget_cancelled_sales() -> None:
    sold = ItemAdded("1", "MUG", 3, Decimal("2.00"))
    back = ItemReturned("C1", "MUG", 1, Decimal("2.50"))

    row = given(MUG, ADA, CASH, sold, sold, back, UNDONE).row(ProductSales, "MUG")

    assert row == ProductSales("MUG", "red mug", 1, 3, Decimal("6.00"), 1, Decimal("2.50"))
    assert (row.net_units, row.net_revenue, row.average_price) == (2, Decimal("3.50"), Decimal(2))


def test_every_price_is_kept() -> None:
    history = given(MUG, ProductPriced("MUG", Decimal(3)))

    assert history.row(PriceChange, 1, 0) == PriceChange("MUG", Decimal("2.50"), NOON, None)
    assert history.row(PriceChange, 2, 0) == PriceChange("MUG", Decimal(3), NOON, None)


def test_a_sale_row_says_what_a_list_shows_and_whether_it_was_cancelled() -> None:
    row = given(MUG, ADA, CASH, UNDONE).row(SaleSummary, "1")

    assert row == SaleSummary(
        "1", DAY, SOLD_AT, "17850", "Ada", "cash", 2, 3, Decimal("6.00"), Decimal("6.00"), None, None, "cancelled"
    )


def test_a_line_of_a_sale_keeps_the_description_that_the_product_had() -> None:
    history = given(MUG, ItemAdded("1", "MUG", 3, Decimal("2.00")), ProductDescribed("MUG", "mug, red"))

    row = history.row(SoldLine, 2, 0)

    assert row == SoldLine("1", "MUG", "red mug", 3, Decimal("2.00"))
    assert row.amount == Decimal("6.00")


def test_a_day_counts_its_sales_by_payment() -> None:
    row = given(ADA, CASH, CREDIT).row(SalesDay, DAY)

    assert row == SalesDay(DAY, 2, 3, 4, Decimal("8.5"), 1, Decimal(6), 1, Decimal("2.5"))
    assert row.average == Decimal("4.25")


def test_a_cancelled_sale_leaves_its_day() -> None:
    cancelled = SaleCancelled("2", DAY, "credit", 1, Decimal("2.5"), "?", (CancelledLine("MUG", 1, Decimal(1)),))

    row = given(MUG, ADA, CASH, CREDIT, cancelled).row(SalesDay, DAY)

    assert row == SalesDay(DAY, 1, 2, 3, Decimal(6), 1, Decimal(6), 0, Decimal(0))


def test_documents_of_all_kinds_count_as_they_are() -> None:
    papers = given(ADA, CASH, BACK, LedgerAdjusted("A1", DAY, LATER, Decimal(-9), 1, "bad debt"))

    assert papers.row(Document, "1") == Document("1", "sale", DAY, 2, 3, Decimal(6), None)
    assert papers.row(Document, "C1") == Document("C1", "return", DAY, 1, -1, Decimal("-2.5"), None)
    assert papers.row(Document, "A1") == Document("A1", "adjustment", DAY, 1, 1, Decimal(-9), None)


def test_a_paper_with_a_sale_and_movements_is_a_sale_whichever_came_first() -> None:
    moved = StockAdjusted("1", "MUG", -4, "damaged", LATER, DAY)
    both = Document("1", "sale", DAY, 3, -1, Decimal(6), None)

    assert given(ADA, CASH, moved).row(Document, "1") == both
    assert given(ADA, moved, CASH).row(Document, "1") == both


def test_a_cancelled_sale_counts_for_nothing_and_stays_on_file() -> None:
    assert given(ADA, CASH, UNDONE).row(Document, "1") == Document("1", "sale", DAY, 2, 0, Decimal(0), None, True)


def test_documents_are_counted_by_day_and_kind_and_a_day_without_any_has_no_row() -> None:
    moved = StockAdjusted("1", "MUG", -4, "damaged", LATER, DAY)

    assert given(ADA, CASH, CREDIT, UNDONE).row(DocumentDay, DAY, "sale") == DocumentDay(
        DAY, "sale", 2, 1, Decimal("2.5")
    )
    assert given(moved).row(DocumentDay, DAY, "movement") == DocumentDay(DAY, "movement", 1, -4)
    assert given(ADA, moved, CASH).row(DocumentDay, DAY, "movement") is None
    assert given(ADA, moved, CASH).row(DocumentDay, DAY, "sale") == DocumentDay(DAY, "sale", 1, -1, Decimal(6))


def test_a_customers_history_has_what_was_bought_undone_and_brought_back() -> None:
    history = given(MUG, ADA, CASH, UNDONE, BACK)

    assert [history.row(Purchase, position, 0) for position in (3, 4, 5)] == [
        Purchase("17850", "1", "sale", SOLD_AT, DAY, 3, Decimal("6.00"), None),
        Purchase("17850", "1", "cancellation", NOON, DAY, -3, Decimal("-6.00"), None),
        Purchase("17850", "C1", "return", LATER, DAY, -1, Decimal("-2.5"), None),
    ]


def test_a_customer_row_adds_up_what_was_bought_brought_back_and_is_owed() -> None:
    row = given(ADA, CREDIT, BalanceChanged("17850", Decimal("2.5"), "2"), CASH, BACK).row(CustomerView, "17850")

    assert row == CustomerView(
        "17850", "Ada", Decimal(10), NOON, Decimal("2.5"), 2, Decimal("8.5"), 1, Decimal("2.5"), SOLD_AT, LATER
    )
    assert (row.net, row.average_sale) == (Decimal(6), Decimal("4.25"))


def test_a_sale_to_nobody_known_changes_no_customer() -> None:
    anonymous = SaleCompleted("3", DAY, LATER, "cash", 1, 1, Decimal(1), Decimal(1))

    assert given(MUG, ADA, anonymous, CASH, UNDONE).row(CustomerView, "17850") == CustomerView(
        "17850", "Ada", Decimal(10), NOON, first_sale=SOLD_AT, last_sale=SOLD_AT
    )


def test_an_average_has_four_places_and_halves_go_to_the_even_digit() -> None:
    assert average(Decimal("0.0001"), 2) == Decimal("0.0000")
    assert average(Decimal("0.0003"), 2) == Decimal("0.0002")
    assert average(Decimal(10), 3) == Decimal("3.3333")
    assert average(Decimal(10), 0) == 0
