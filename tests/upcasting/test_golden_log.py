"""A log that the first version of a shop wrote is read by its current version: rows, decisions, past, subscribers."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych import Accepted, Conflict, Envelope, Meta, Refused, Subscriber
from diptych.application import Application
from diptych.testing import AsStored, golden_log, write_log
from tests.upcasting.new_shop import (
    GetOrder,
    LedgerLine,
    Move,
    OrderConfirmed,
    OrderNoted,
    OrderSubmitted,
    OrderView,
    Pay,
    PaymentTaken,
    Ship,
    StockView,
    application,
)

FIRST = Path(__file__).with_name("golden") / "first.json"
A1 = OrderView("a1", "Buyer Of A1", Decimal("12.50"), Decimal("12.50"), "paid and confirmed")


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    events = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"
    async with application(events=events) as app:
        await write_log(app, golden_log(FIRST))
        await app.caught_up()
        yield app


async def rows_of(app: Application, model: str) -> dict[Any, Any]:
    async with app.rows.reader() as reader:
        return dict((await reader.snapshot(app.projections["views"])).rows[model])


async def test_rows_are_folded_from_what_the_events_are_today(app: Application) -> None:
    assert await app.ask(GetOrder("a1")) == A1
    assert await app.ask(GetOrder("a3")) == OrderView("a3", "Buyer Of A3", Decimal("12.50"))
    assert {row.status: row.orders for row in (await rows_of(app, "status_count")).values()} == {
        "submitted": 1,
        "paid": 0,
        "paid and confirmed": 2,
    }
    assert list((await rows_of(app, "stock_view")).values()) == [StockView("lamp", 9, "sale")]


async def test_append_only_rows_count_on_through_the_events_of_one_position(app: Application) -> None:
    lines = await rows_of(app, "ledger_line")

    assert [key for key, line in sorted(lines.items()) if line.order == "a1"] == [(3, 0), (8, 0), (8, 1), (9, 0)]
    assert lines[8, 0] == LedgerLine("a1", "PaymentTaken", 0)
    assert lines[8, 1] == LedgerLine("a1", "OrderConfirmed", 1)
    assert not any(line.text == "" for line in lines.values())


async def test_the_rows_are_right(app: Application) -> None:
    report = await app.check("views")

    assert report.is_right, report.differences
    assert report.rows == 3 + 8 + 3 + 1


async def test_the_past_is_upcast_too(app: Application) -> None:
    assert await app.ask(GetOrder("a1"), as_of=7) == OrderView("a1", "Buyer Of A1", Decimal("12.50"))
    assert await app.ask(GetOrder("a1"), as_of=8) == A1

    blame = await app.history.blame("order_view", "a1")

    assert {each.field: each.cause.position for each in blame.fields} == {
        "order": 3,
        "customer": 3,
        "total": 3,
        "paid": 8,
        "status": 8,
    }
    versions = await app.history.versions("order_view", "a1")
    assert [(each.cause.position, each.row.status) for each in versions] == [
        (3, "submitted"),
        (8, "paid and confirmed"),
    ]


async def test_the_past_of_a_row_is_found_by_stored_tags_where_they_are_known(app: Application) -> None:
    cost = await app.history.cost("order_view", "a1")

    # Of order.placed that of a1, by the tag that its old class has; of order.confirmed all, for JSON says nothing.
    assert (cost.events, cost.scans) == (1 + 2, True)


async def test_decisions_know_what_was_split(app: Application) -> None:
    assert isinstance(await app.send(Ship("a1")), Accepted)
    assert await app.send(Ship("a2")) == Refused("unpaid", "12.00 of 12.50 is paid", {}, 11)
    assert isinstance(await app.send(Pay("a2", Decimal("0.50"), "cash")), Accepted)
    assert isinstance(await app.send(Ship("a2")), Accepted)
    assert isinstance(await app.send(Move("lamp", -9)), Accepted)
    assert isinstance(await app.send(Move("lamp", -1)), Refused)


async def test_a_decision_conflicts_with_an_old_event_that_becomes_one_of_its_own(app: Application) -> None:
    late = AsStored("order.confirmed", 1, {"order": "a3", "paid": "12.50", "method": "card"})
    seen = await app.head()
    assert isinstance(await app.send(Ship("a3")), Refused)
    await write_log(app, [late])

    assert isinstance(await app.send(Pay("a3", Decimal("0.01"), "card"), expected=seen), Conflict)
    assert isinstance(await app.send(Ship("a3")), Accepted)


async def test_a_decision_passes_over_what_its_fold_does_not_name(app: Application) -> None:
    """A payment may be stored as order.confirmed, so that every confirmation lies in what a decision on it reads."""
    seen = await app.head()
    await write_log(app, [AsStored("order.confirmed", 2, {"order": "a3"})])

    assert isinstance(await app.send(Pay("a3", Decimal("12.50"), "card"), expected=seen), Accepted)
    assert isinstance(await app.send(Ship("a3")), Accepted)


async def test_a_subscriber_gets_every_event_that_one_became_in_order(tmp_path: Path) -> None:
    heard: list[tuple[Any, int, int]] = []
    ids = set()
    ears = Subscriber("ears", since="beginning")

    @ears.on
    async def hear(
        event: OrderSubmitted | PaymentTaken | OrderConfirmed | OrderNoted, meta: Meta, envelope: Envelope
    ) -> None:
        heard.append((event, meta.position, meta.index))
        assert envelope.name in {"order.submitted", "payment.taken", "order.confirmed", "order.noted"}
        ids.add(envelope.id)

    async with application(ears, subscribers="inline") as app:
        await write_log(app, golden_log(FIRST))
        await app.reacted()

        assert [(type(event).__name__, position, index) for event, position, index in heard] == [
            ("OrderSubmitted", 3, 0),
            ("OrderSubmitted", 5, 0),
            ("OrderSubmitted", 7, 0),
            ("PaymentTaken", 8, 0),
            ("OrderConfirmed", 8, 1),
            ("OrderNoted", 9, 0),
            ("PaymentTaken", 11, 0),
            ("OrderConfirmed", 11, 1),
        ]
        assert len(ids) == len(heard)
        assert (await app.reactions.bookmarks())["ears"].position == 11


async def test_what_has_been_handled_of_a_position_is_not_handled_again_when_the_rest_fails() -> None:
    heard: list[str] = []
    ears = Subscriber("ears", since="beginning")
    broken = True

    @ears.on
    async def hear(event: PaymentTaken | OrderConfirmed) -> None:
        if broken and isinstance(event, OrderConfirmed):
            raise RuntimeError("not yet")
        heard.append(type(event).__name__)

    async with application(ears, subscribers="inline") as app:
        await write_log(app, golden_log(FIRST)[:8])
        with pytest.raises(Exception, match="not yet"):
            await app.reacted()
        assert (await app.reactions.bookmarks())["ears"].position < 8
        broken = False
        await app.reacted()

    assert heard == ["PaymentTaken", "OrderConfirmed"]


async def test_a_subscriber_by_name_gets_what_has_that_name_today() -> None:
    heard: list[tuple[str, int, str]] = []
    ears = Subscriber("ears", since="beginning")

    @ears.on("payment.taken", "order.submitted")
    async def hear(event: Any, envelope: Envelope) -> None:
        heard.append((envelope.name, envelope.version, event.order))

    async with application(ears, subscribers="inline") as app:
        await write_log(app, golden_log(FIRST))
        await app.reacted()

    assert heard[0] == ("order.submitted", 1, "a1")
    assert [each for each in heard if each[0] == "payment.taken"] == [
        ("payment.taken", 1, "a1"),
        ("payment.taken", 1, "a2"),
    ]


async def test_a_dry_run_stands_on_upcast_events(app: Application) -> None:
    trial = await app.try_(Pay("a2", Decimal("0.50"), "cash"))

    assert [each.event for each in trial.events] == [PaymentTaken("a2", Decimal("0.50"), "cash")]
    change = next(each for each in trial.changes if each.model == "order_view")
    assert (change.before.paid, change.after.paid) == (Decimal("12.00"), Decimal("12.50"))
