"""A log that the first release wrote is read by this one: events that were split and renamed, on every read path."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from diptych.application.houses import copy_log
from diptych.cli import main as diptych
from diptych.testing import FixedClock
from orders.app import build
from orders.clerk import HOME, Clerk
from orders.place import Place, log_at
from orders.queries.customers import GetCustomerAnalytics
from orders.queries.products import ListProductSales
from orders.values import Status

GOLDEN = Path(__file__).parent / "golden" / "release-1.db"
ADA, MUG, NOVEL, ORDER, DRAFT = (UUID(int=number) for number in range(1, 6))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder whose log the first release wrote."""
    shutil.copy(GOLDEN, tmp_path / "orders.db")
    return tmp_path


@pytest.fixture(params=["there", "in postgres"])
async def clerk(request: pytest.FixtureRequest, data: Path) -> AsyncIterator[Clerk]:
    """Return a clerk who opens that folder today, or a database that the log was moved to."""
    place: Place = data
    if request.param == "in postgres":
        place = request.getfixturevalue("newest_postgres").url
        await copy_log(log_at(data), log_at(place), lambda *_: None)
    async with build(place, clock=FixedClock()) as application:
        await application.caught_up()
        yield Clerk(application)


async def test_an_order_with_its_lines_is_a_draft_and_its_items(clerk: Clerk) -> None:
    shown = await clerk.orders.get(ORDER)

    assert shown is not None
    assert [(item.name, item.quantity, item.amount) for item in shown.items] == [
        ("mug", 4, Decimal("10.00")),
        ("novel", 1, Decimal("9.00")),
    ]
    assert (shown.shipping, shown.billing, shown.payment, shown.total) == (HOME, HOME, "card", Decimal("19.00"))


async def test_a_renamed_event_still_moves_its_order_on(clerk: Clerk) -> None:
    shown = await clerk.orders.get(ORDER)

    assert shown is not None
    wanted: list[tuple[Status, str | None]] = [
        ("draft", None), ("placed", None), ("paid", None), ("shipped", "by bicycle"),
    ]  # fmt: skip
    assert [(step.status, step.reason) for step in shown.history] == wanted


async def test_a_field_that_came_later_has_its_default(clerk: Clerk) -> None:
    draft = await clerk.orders.get(DRAFT)

    assert draft is not None
    assert (draft.payment, draft.status) == ("invoice", "draft")


async def test_figures_count_what_was_sold_then(clerk: Clerk) -> None:
    sold = await clerk.application.ask(ListProductSales(), principal="staff")
    ada = await clerk.application.ask(GetCustomerAnalytics(ADA), principal="staff")

    assert {(day.product, day.units) for day in sold} == {(MUG, 4), (NOVEL, 1)}
    assert ada is not None
    assert (ada.orders, ada.spent, ada.favourite_category) == (1, Decimal("19.00"), "kitchen")
    assert not (await clerk.application.check("sales")).differences


async def test_old_orders_go_on(clerk: Clerk) -> None:
    added = await clerk.orders.add_item(DRAFT, NOVEL, 1)
    placed = await clerk.expecting(added.position).place(DRAFT)
    delivered = await clerk.orders.update_status(ORDER, "delivered")
    shown = await clerk.seeing(placed).get(DRAFT)

    assert delivered.is_success
    assert shown is not None
    assert (len(shown.items), shown.total, shown.status) == (2, Decimal("12.50"), "placed")


def test_the_doctor_finds_nothing_that_this_code_cannot_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)

    examined = CliRunner().invoke(diptych, ["doctor", "--app", "orders.app:app"])

    assert examined.exit_code == 0, examined.output
