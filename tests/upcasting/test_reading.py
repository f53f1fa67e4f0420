"""What stored events are today: chains, renames, splits, defaults, and which stored names lead to which events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import pytest

from diptych.codec import EventCodec
from diptych.errors import UnreadableEventError
from diptych.model.marks import Scale, Tag
from diptych.model.messages import event
from diptych.model.projections import Projection
from diptych.model.upcasting import upcaster_of_json, upcasters_of
from diptych.read.fingerprint import fingerprint_of
from tests.upcasting.new_shop import (
    OrderConfirmed,
    OrderNoted,
    OrderSubmitted,
    PaymentTaken,
    StockMoved,
    app,
    shop,
    views,
)

CODEC = app.codec


@pytest.mark.parametrize(
    ("name", "version", "data", "expected"),
    [
        (
            "order.placed",
            1,
            b'{"order":"a1","buyer":"ann","total":"1.00"}',
            (OrderSubmitted("a1", "Ann", Decimal("1.00"), "web"),),
        ),
        (
            "order.placed",
            2,
            b'{"order":"a1","customer":"ann","total":"1.00"}',
            (OrderSubmitted("a1", "ann", Decimal("1.00"), "web"),),
        ),
        (
            "order.confirmed",
            1,
            b'{"order":"a1","paid":"2.00","method":"card"}',
            (PaymentTaken("a1", Decimal("2.00"), "card"), OrderConfirmed("a1")),
        ),
        ("order.confirmed", 2, b'{"order":"a1"}', (OrderConfirmed("a1"),)),
        ("order.noted", 1, b'{"order":"a1","text":"x"}', (OrderNoted("a1", "x"),)),
        ("order.noted", 1, b'{"order":"a1","text":""}', ()),
        ("cart.viewed", 1, b'{"order":"a1"}', ()),
        ("stock.moved", 1, b'{"product":"lamp","by":2}', (StockMoved("lamp", 2, "sale"),)),
        ("stock.moved", 2, b'{"product":"lamp","by":2,"reason":"lost"}', (StockMoved("lamp", 2, "lost"),)),
    ],
)
def test_an_event_is_read_as_what_it_is_today(name: str, version: int, data: bytes, expected: tuple[Any, ...]) -> None:
    assert CODEC.reads(name, version)
    assert CODEC.read(name, version, data) == expected


def test_a_version_that_nothing_reads_is_unreadable_and_what_is_known_is_named() -> None:
    with pytest.raises(
        UnreadableEventError, match=r"no class reads 'order.placed' version 9; known: versions 1, 2 of it"
    ):
        CODEC.read("order.placed", 9, b"{}")


def test_an_old_event_that_does_not_fit_its_old_class_is_unreadable() -> None:
    with pytest.raises(UnreadableEventError, match=r"'order.placed' version 1 does not fit its class"):
        CODEC.read("order.placed", 1, b'{"order":"a1"}')


def test_stored_names_are_those_that_can_become_an_event() -> None:
    assert CODEC.stored_names(["order.submitted"]) == ("order.placed", "order.submitted")
    assert CODEC.stored_names(["payment.taken"]) == ("order.confirmed", "payment.taken")
    assert CODEC.stored_names(["order.confirmed", "payment.taken"]) == ("order.confirmed", "payment.taken")
    assert CODEC.stored_names(["stranger", "stock.moved"]) == ("stock.moved", "stranger")


def test_only_current_classes_are_types() -> None:
    assert {str(stored) for stored in CODEC.types.values()} == {
        "order.submitted@1",
        "payment.taken@1",
        "order.confirmed@2",
        "order.noted@2",
        "order.shipped@1",
        "stock.moved@2",
    }


def test_the_upcasters_that_feed_events_are_known_through_chains() -> None:
    found = CODEC.lineage.feeding([OrderSubmitted, OrderConfirmed])

    assert [(str(each.source), each.function.__name__) for each in found] == [
        ("order.confirmed@1", "split"),
        ("order.placed@1", "name_the_customer"),
        ("order.placed@2", "submit"),
    ]
    assert CODEC.lineage.feeding([StockMoved]) == ()


def test_an_upcaster_is_a_function_that_stays_callable() -> None:
    old = {"order": "a1", "paid": "2.00", "method": "card"}

    assert shop.upcasters[2].function(old) == (PaymentTaken("a1", Decimal("2.00"), "card"), OrderConfirmed("a1"))


def test_a_fingerprint_holds_the_upcasters_that_feed_its_projection() -> None:
    assert fingerprint_of(views, CODEC.lineage) != fingerprint_of(views)
    stocks = Projection("stocks")
    stocks.models.append(views.models[3])
    assert fingerprint_of(stocks, CODEC.lineage) == fingerprint_of(stocks)


Item = Annotated[str, Tag("item")]


@event("item.made", version=1)
@dataclass(frozen=True)
class Old:
    item: Item


@event("item.made", version=2)
@dataclass(frozen=True)
class Middle:
    item: Item


@event("item.made", version=3)
@dataclass(frozen=True)
class New:
    item: Item
    owner: Annotated[str, Tag("owner")] = "nobody"
    price: Annotated[Decimal, Scale(2)] = Decimal(0)


def to_middle(old: Old) -> Iterator[Middle]:
    yield Middle(old.item)
    yield Middle(old.item)


def to_new(old: Middle) -> tuple[New, New]:
    return New(old.item), New(old.item, "ann")


def from_json(old: Mapping[str, Any]) -> list[New]:
    return [New(old["item"])]


CHAIN = EventCodec([New], (*upcasters_of(to_middle), *upcasters_of(to_new)))


def test_what_a_split_makes_is_split_further_in_order() -> None:
    assert CHAIN.read("item.made", 1, b'{"item":"x"}') == (New("x"), New("x", "ann")) * 2
    assert CHAIN.current(Middle("x")) == (New("x"), New("x", "ann"))
    assert CHAIN.current(New("y")) == (New("y"),)


def test_tags_are_known_where_every_class_on_the_way_has_them() -> None:
    assert CHAIN.lineage.carries(New, "item.made", "item")
    assert not CHAIN.lineage.carries(New, "item.made", "owner")

    by_json = EventCodec([New], [upcaster_of_json(from_json, "item.made", 2)])

    assert not by_json.lineage.carries(New, "item.made", "item")


def test_a_tag_that_came_with_a_default_is_not_known_of_older_versions() -> None:
    lenient = event("item.made", version=3, since=2)(type("Lenient", (New,), {"__annotations__": {}}))
    codec = EventCodec([lenient])

    assert codec.lineage.carries(lenient, "item.made", "item")
    assert not codec.lineage.carries(lenient, "item.made", "owner")
