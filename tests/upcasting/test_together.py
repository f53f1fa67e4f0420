"""The events that one stored event became are folded together or not at all, whatever surrounds them."""

from dataclasses import replace
from pathlib import Path

import pytest

from diptych import Application, Projection
from diptych.errors import FoldError
from diptych.testing import AsStored, golden_log, write_log
from tests.upcasting.new_shop import LedgerLine, OrderConfirmed, OrderSubmitted, OrderView, PaymentTaken, shop

FIRST = Path(__file__).with_name("golden") / "first.json"
CONFIRMED = AsStored("order.confirmed", 1, {"order": "a3", "paid": "1.00", "method": "card"})


def poisoned() -> Projection:
    """The second half of a confirmation cannot be folded; the first half can, in two read models."""
    projection = Projection("poisoned")
    orders, lines = projection.read_model(OrderView, key="order"), projection.append_only(LedgerLine)

    @orders.on
    def submitted(row: OrderView | None, event: OrderSubmitted) -> OrderView:
        return OrderView(event.order, event.customer, event.total)

    @orders.on
    def paid(row: OrderView, event: PaymentTaken) -> OrderView:
        return replace(row, paid=row.paid + event.amount)

    @orders.on
    def confirmed(row: OrderView, event: OrderConfirmed) -> OrderView:
        raise RuntimeError("poison")

    @lines.on
    def booked(event: PaymentTaken | OrderConfirmed) -> LedgerLine:
        return LedgerLine(event.order, type(event).__name__, 0)

    return projection


@pytest.mark.parametrize("until", [8, 11])
async def test_when_the_second_half_fails_nothing_of_the_first_is_kept(until: int) -> None:
    projection = poisoned()
    async with Application(shop, projection) as app:
        await write_log(app, golden_log(FIRST)[:until])
        with pytest.raises(FoldError, match="poison"):
            await app.caught_up()

        assert (await app.checkpoints())["poisoned"].position == 7
        async with app.rows.reader() as reader:
            rows = (await reader.snapshot(projection)).rows
    assert rows["ledger_line"] == {}
    assert {row.paid for row in rows["order_view"].values()} == {0}


async def test_rows_that_a_fan_out_reaches_hold_what_the_same_position_did_before() -> None:
    projection = Projection("spread")
    orders = projection.read_model(OrderView, key="order")

    @orders.on
    def submitted(row: OrderView | None, event: OrderSubmitted) -> OrderView:
        return OrderView(event.order, event.customer, event.total)

    @orders.on
    def paid(row: OrderView, event: PaymentTaken) -> OrderView:
        return replace(row, paid=event.amount, status=event.order)

    @orders.where(status="order").on
    def confirmed(row: OrderView, event: OrderConfirmed) -> OrderView:
        return replace(row, status=f"reached after {row.paid}")

    async with Application(shop, projection) as app:
        await write_log(app, (*golden_log(FIRST)[:7], CONFIRMED))
        await app.caught_up()

        async with app.rows.reader() as reader:
            rows = (await reader.snapshot(projection)).rows["order_view"]
        assert rows["a3",].status == "reached after 1.00"
        assert (await app.check("spread")).is_right
        assert (await app.history.versions("order_view", "a3"))[-1].row == rows["a3",]
