"""Messages know their result type; events know the name that outlives their class."""

from dataclasses import dataclass

import pytest

from diptych.errors import WiringError
from diptych.model.messages import Command, EventType, Query, event, event_type, is_command, is_query, result_type


@event("order.placed", version=2)
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: int


class PlaceOrder(Command[int]): ...


class PlaceTwice(PlaceOrder): ...


class Bare(Command): ...


class GetOrder(Query[str | None]): ...


def test_an_event_is_stored_under_the_name_written_out() -> None:
    assert event_type(OrderPlaced) == EventType("order.placed", 2)
    assert str(event_type(OrderPlaced)) == "order.placed@2"
    assert OrderPlaced(1) == OrderPlaced(1)


@pytest.mark.parametrize("name", ["", "Order.placed", "order placed", ".placed", "order.", "1order", "order..placed"])
def test_a_stored_name_is_dotted_lower_case(name: str) -> None:
    with pytest.raises(WiringError, match="cannot name an event"):
        event(name)


def test_a_version_counts_from_one() -> None:
    with pytest.raises(WiringError, match="version 0"):
        event("order.placed", version=0)


def test_a_subclass_of_an_event_needs_a_name_of_its_own() -> None:
    class OrderPlacedAgain(OrderPlaced): ...

    with pytest.raises(WiringError, match=r'write @event\("order_placed.again"\) above the class'):
        event_type(OrderPlacedAgain)


def test_the_suggested_name_of_a_single_word_is_that_word() -> None:
    class Closed: ...

    with pytest.raises(WiringError, match=r'@event\("closed"\)'):
        event_type(Closed)


def test_commands_and_queries_are_told_apart() -> None:
    assert [is_command(each) for each in (PlaceOrder, GetOrder, PlaceOrder(), None)] == [True, False, False, False]
    assert [is_query(each) for each in (PlaceOrder, GetOrder, GetOrder())] == [False, True, False]


def test_the_result_type_is_read_from_the_base() -> None:
    assert result_type(PlaceOrder) is int
    assert result_type(PlaceTwice) is int
    assert result_type(GetOrder) == str | None
    assert result_type(Bare) is type(None)
