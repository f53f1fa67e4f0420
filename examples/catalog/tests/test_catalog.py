"""The catalogue: its decisions and read models by example, and the whole of it on every store."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

import catalog
from catalog import (
    AddProduct,
    Detail,
    GetProduct,
    Item,
    ListItems,
    OutOfStock,
    PriceUpdated,
    ProductAdded,
    StockUpdated,
    UpdatePrice,
    UpdateStock,
)
from diptych import Missing, Refusal
from diptych.testing import NOON, FixedClock, Recorded, Scenario, generated
from diptych.testing.plugin import OpenApplication

spec = Scenario(catalog.catalog, catalog.views)
given, rows = spec.given, spec.rows

LAPTOP, CHAIR = UUID(int=11), UUID(int=12)
ADDED = ProductAdded(LAPTOP, "Laptop", "computers", Decimal("999.00"), 5)
ITEM = Item(LAPTOP, "Laptop", "computers", Decimal("999.00"), 5)
WRONG = "name: must not be blank; price: expected at least 0, found -1; stock: expected at least 0"
LATER = NOON + timedelta(hours=1)


def test_adding_a_product_records_it_under_a_new_id() -> None:
    outcome = given().when(AddProduct(name="Laptop", category="computers", price=Decimal("999.00"), stock=5))

    outcome.then(replace(ADDED, product=generated("product"))).then_value(generated("product"))


def test_a_product_is_added_once() -> None:
    again = AddProduct(product=LAPTOP, name="Laptop", category="computers", price=Decimal(1))

    given(ADDED).when(again).then_refused(Refusal)


def test_wrong_fields_are_refused_at_creation_all_at_once() -> None:
    given().when(AddProduct(name=" ", category="", price=Decimal("-0.01"), stock=-1)).then_invalid(
        {"name": "blank", "category": "blank", "price": "at least 0", "stock": "at least 0"}
    )


def test_stock_may_fall_to_zero() -> None:
    given(ADDED, StockUpdated(LAPTOP, -2)).when(UpdateStock(LAPTOP, -3)).then(StockUpdated(LAPTOP, -3))


def test_stock_never_falls_below_zero_and_the_refusal_says_why() -> None:
    outcome = given(ADDED, StockUpdated(LAPTOP, -2)).when(UpdateStock(LAPTOP, -4))

    outcome.then_refused(OutOfStock, available=3, asked=4)
    assert outcome.result.error == "3 in stock, 4 asked for"


def test_stock_of_another_product_does_not_count() -> None:
    given(ADDED, replace(ADDED, product=CHAIR, stock=100)).when(UpdateStock(LAPTOP, -6)).then_refused(OutOfStock)


def test_a_price_may_be_zero_but_never_negative_nor_finer_than_a_cent() -> None:
    given(ADDED).when(UpdatePrice(LAPTOP, Decimal(0))).then(PriceUpdated(LAPTOP, Decimal(0)))
    given(ADDED).when(UpdatePrice(LAPTOP, Decimal("-0.01"))).then_invalid({"price": "at least 0"})
    given(ADDED).when(UpdatePrice(LAPTOP, Decimal("0.001"))).then_invalid({"price": "2 decimal places"})


@pytest.mark.parametrize("command", [UpdateStock(LAPTOP, 1), UpdatePrice(LAPTOP, Decimal(1))])
def test_what_is_not_in_the_catalogue_cannot_be_updated(command: UpdateStock | UpdatePrice) -> None:
    given().when(command).then_refused(Missing)


def test_an_item_follows_its_events() -> None:
    assert given(ADDED).row(Item, LAPTOP) == ITEM
    assert given(ADDED, StockUpdated(LAPTOP, -2)).row(Item, LAPTOP) == replace(ITEM, stock=3)
    assert given(ADDED, PriceUpdated(LAPTOP, Decimal(7))).row(Item, LAPTOP) == replace(ITEM, price=Decimal(7))
    assert given(ADDED).row(Item, CHAIR) is None


def test_a_detail_says_when_it_was_created_and_last_updated() -> None:
    updates = [StockUpdated(LAPTOP, 1), PriceUpdated(LAPTOP, Decimal(7))]

    details = [given(ADDED, Recorded(update, at=LATER)).row(Detail, LAPTOP) for update in updates]

    assert [(each.created, each.updated) for each in details if each] == [(NOON, LATER)] * 2


def test_items_are_listed_by_category_and_stock_in_the_order_of_their_names() -> None:
    chair, desk = (
        Item(CHAIR, "Chair", "furniture", Decimal(50), 1),
        Item(UUID(int=13), "Desk", "furniture", Decimal(9), 0),
    )
    stored = rows(ITEM, desk, chair)

    assert [*stored.ask(ListItems())] == [chair, desk, ITEM]
    assert [*stored.ask(ListItems(category="furniture"))] == [chair, desk]
    assert [*stored.ask(ListItems(category="furniture", in_stock=True))] == [chair]
    assert stored.ask(ListItems(category="garden")).total == 0


def test_a_product_that_is_not_there_is_none() -> None:
    assert rows().ask(GetProduct(LAPTOP)) is None


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("newest_postgres").url)
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/catalog.db"


async def test_a_command_is_seen_by_the_query_after_it(application: OpenApplication, events: str) -> None:
    clock = FixedClock()
    app = await application(catalog.catalog, catalog.views, events=events, clock=clock)
    added = await app.send(AddProduct(name="Laptop", category="computers", price=Decimal("999.00"), stock=5))
    clock.set(LATER)

    updated = await app.send(UpdateStock(added.unwrap(), -2))

    detail = await app.ask(GetProduct(added.unwrap()), after=updated)
    assert detail == Detail(added.unwrap(), "Laptop", "computers", Decimal("999.00"), 3, created=NOON, updated=LATER)
    assert [item.stock for item in await app.ask(ListItems(in_stock=True), after=updated)] == [3]
    assert (await app.check("catalog")).is_right


async def test_what_is_kept_in_a_file_is_there_the_next_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.db"
    async with catalog.application(url) as app:
        added = await app.send(AddProduct(name="Laptop", category="computers", price=Decimal(1)))

    async with catalog.application(url) as app:
        assert [item.name for item in await app.ask(ListItems(), after=added)] == ["Laptop"]


def test_the_program_tells_what_happens(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["catalog"])

    catalog.main()

    told = capsys.readouterr().out.splitlines()
    assert told[:6] == [
        "AddProduct  accepted: position 1",
        "UpdateStock accepted: position 2",
        "UpdateStock refused: 3 in stock, 9 asked for",
        f"AddProduct  invalid: {WRONG}",
        "UpdatePrice accepted: position 3",
        "Laptop, computers: 3 at 899.50",
    ]


def test_the_program_keeps_a_file_when_it_is_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["catalog", str(tmp_path / "shop.db")])

    catalog.main()

    assert {path.suffix for path in tmp_path.iterdir()} >= {".db"}
