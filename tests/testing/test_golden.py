"""Events as they were stored, given to scenarios and to applications."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych import Meta, Subscriber
from diptych.errors import UnreadableEventError
from diptych.model.criteria import Criteria
from diptych.ports import Metadata
from diptych.testing import NOON, AsStored, Scenario, golden_log, write_log
from tests.upcasting.new_shop import (
    LedgerLine,
    OrderConfirmed,
    OrderShipped,
    OrderView,
    PaymentTaken,
    PlacedV1,
    Ship,
    Unpaid,
    application,
    shop,
    views,
)

spec = Scenario(shop, views)
PLACED = PlacedV1("a1", "ann", Decimal("2.00"))
CONFIRMED = AsStored("order.confirmed", 1, {"order": "a1", "paid": "2.00", "method": "card"})
EVENT = {
    "position": 1,
    "type": "order.confirmed",
    "version": 1,
    "tags": ["order:a1", "old:tag"],
    "recorded_at": "2025-01-01T12:00:00.000000Z",
    "data": {"order": "a1", "paid": "2.00", "method": "card"},
    "metadata": {"actor": "bea"},
}


def test_events_of_old_classes_and_as_stored_are_folded_as_they_are_today() -> None:
    given = spec.given(PLACED, CONFIRMED)

    assert given.row(OrderView, "a1") == OrderView("a1", "Ann", Decimal("2.00"), Decimal("2.00"), "paid and confirmed")
    assert given.row(LedgerLine, (2, 1)) == LedgerLine("a1", "OrderConfirmed", 1)


def test_decisions_stand_on_what_they_are_today() -> None:
    spec.given(PLACED).when(Ship("a1")).then_refused(Unpaid)
    spec.given(PLACED, CONFIRMED).when(Ship("a1")).then(OrderShipped("a1"))


def test_a_decision_finds_an_event_by_the_tags_that_it_was_stored_with() -> None:
    elsewhere = AsStored(CONFIRMED.name, CONFIRMED.version, CONFIRMED.data, tags=("order:a2",))

    spec.given(PLACED, elsewhere).when(Ship("a1")).then_refused(Unpaid)


def test_a_subscriber_handles_each_of_them() -> None:
    heard: list[tuple[Any, int, int]] = []
    ears = Subscriber("ears")

    @ears.on
    async def hear(event: PaymentTaken | OrderConfirmed, meta: Meta) -> None:
        heard.append((event, meta.position, meta.index))

    spec.given(PLACED, CONFIRMED).handled_by(ears)

    assert heard == [
        (PaymentTaken("a1", Decimal("2.00"), "card"), 2, 0),
        (OrderConfirmed("a1"), 2, 1),
    ]


def test_what_nothing_reads_is_unreadable() -> None:
    with pytest.raises(UnreadableEventError, match=r"no class reads .order.confirmed. version 7"):
        spec.given(AsStored("order.confirmed", 7, {})).row(OrderView, "a1")


@pytest.mark.parametrize("text", [json.dumps([EVENT], indent=2), json.dumps(EVENT) + "\n"], ids=["list", "lines"])
def test_a_file_is_read_as_the_command_line_prints_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "golden.json").write_text(text, encoding="utf-8")

    (found,) = golden_log(tmp_path / "golden.json")

    at, tags = datetime(2025, 1, 1, 12, tzinfo=UTC), ("order:a1", "old:tag")
    data = b'{"order":"a1","paid":"2.00","method":"card"}'
    assert found == AsStored("order.confirmed", 1, data, tags, at, Metadata(actor="bea"))


async def test_a_log_holds_them_as_they_are() -> None:
    async with application() as app:
        assert await write_log(app, [CONFIRMED]) == 1
        (stored,) = (await app.store.read(Criteria.all())).events
        verified = [position async for position in app.store.verify()]  # type: ignore[attr-defined]  # of the memory store

    assert (stored.name, stored.version, stored.tags) == ("order.confirmed", 1, ("order:a1",))
    assert stored.data == b'{"method":"card","order":"a1","paid":"2.00"}'
    assert verified[-1] == 1
    assert CONFIRMED.at == NOON
