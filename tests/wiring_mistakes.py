"""Wiring mistakes, each made by one function: `test_wiring.py` compares what is said with `golden/wiring.txt`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from diptych import (
    Aggregate,
    Application,
    Cached,
    Command,
    Context,
    Decider,
    DecisionModel,
    Indexed,
    Module,
    Projection,
    Query,
    Rows,
    Scale,
    Subscriber,
    Tag,
    UnitOfWork,
    event,
    evolves,
)

OrderId = Annotated[int, Tag("order")]


@event("order.placed")
@dataclass(frozen=True)
class OrderPlaced:
    order: OrderId


@event("order.placed")
@dataclass(frozen=True)
class OrderPlacedAgain:
    order: OrderId


@event("order.paid")
@dataclass(frozen=True)
class OrderPaid:
    invoice: int


@dataclass(frozen=True)
class PlaceOrder(Command[None]):
    order: OrderId


@dataclass(frozen=True)
class GetOrder(Query[int]):
    order: int


@dataclass(frozen=True)
class OrderView:
    order: int


@dataclass(frozen=True)
class Order:
    placed: bool = False


@dataclass
class OpenOrder:
    lines: list[str] = field(default_factory=list)


class Mailer:
    """What a handler may ask for."""


def evolve(order: Order, event: OrderPlaced) -> Order:
    return Order(placed=True)


def decide(command: PlaceOrder, order: Order) -> Iterator[OrderPlaced]:
    yield OrderPlaced(command.order)


def place_again(command: PlaceOrder) -> None: ...


def two_handlers_for_one_command() -> None:
    orders = Module("orders")
    orders.decider(Decider(decide, evolve, initial=Order))
    orders.command(place_again)


def two_modules_that_handle_one_command() -> None:
    orders, others = Module("orders"), Module("others")
    orders.decider(Decider(decide, evolve, initial=Order))
    others.command(place_again)
    Application(orders, others)


async def notify(command: PlaceOrder, mailer: Mailer) -> None: ...


def a_parameter_that_nobody_provides() -> None:
    orders = Module("orders")
    orders.command(notify)
    Application(orders)


def paid(row: OrderView, event: OrderPaid) -> OrderView:
    return row


def a_key_that_the_event_lacks() -> None:
    orders = Projection("orders").read_model(OrderView, key="order")
    orders.on(paid)


def placed_again(row: OrderView | None, event: OrderPlaced | OrderPlacedAgain) -> OrderView:
    return OrderView(event.order)


def two_events_with_one_stored_name() -> None:
    views = Projection("orders")
    views.read_model(OrderView, key="order").on(placed_again)
    Application(views)


async def place_by_rows(command: PlaceOrder, orders: Rows[OrderView]) -> None: ...


def a_command_handler_that_takes_rows() -> None:
    orders, views = Module("orders"), Projection("orders")
    views.read_model(OrderView, key="order")
    orders.command(place_by_rows)
    Application(orders, views)


@dataclass(frozen=True)
class PricedView:
    order: int
    total: Annotated[Decimal, Indexed()]


def an_indexed_decimal_without_a_scale() -> None:
    Projection("orders").read_model(PricedView, key="order")


def evolve_open(order: OpenOrder, event: OrderPlaced) -> OpenOrder:
    return order


def decide_open(command: PlaceOrder, order: OpenOrder) -> Iterator[OrderPlaced]:
    yield OrderPlaced(command.order)


def a_mutable_state_type() -> None:
    orders = Module("orders")
    orders.decider(Decider(decide_open, evolve_open, initial=OpenOrder))
    Application(orders)


@event("order.listed")
@dataclass(frozen=True)
class OrderListed:
    order: OrderId
    lines: list[int]


def a_mutable_event_type() -> None:
    orders = Projection("orders")

    @orders.read_model(OrderView, key="order").on
    def listed(row: OrderView | None, event: OrderListed) -> OrderView:
        return OrderView(event.order)

    Application(orders)


def evolve_paid(order: Order, event: OrderPaid) -> Order:
    return order


def decide_paid(command: PlaceOrder, order: Order) -> Iterator[OrderPlaced]:
    yield OrderPlaced(command.order)


def a_fold_over_events_that_its_tag_does_not_lead_to() -> None:
    model = DecisionModel(evolve_paid, initial=Order, tag="order")
    Module("orders").decides(order=model.one(lambda command: command.order))(decide_paid)


async def get_order(query: GetOrder, orders: Rows[OrderView]) -> int:
    return query.order


def a_query_for_rows_that_no_projection_keeps() -> None:
    orders = Module("orders")
    orders.query(get_order)
    Application(orders)


async def react_by_mail(event: OrderPlaced, mailer: Mailer) -> None: ...


def a_subscriber_whose_parameter_nobody_provides() -> None:
    mail = Subscriber("mail")
    mail.on(react_by_mail)
    Application(mail)


def react_to_a_view(event: OrderView) -> None: ...


def a_subscriber_to_what_is_no_event() -> None:
    Subscriber("mail").on(react_to_a_view)


def react_to_nothing() -> None: ...


def a_subscriber_that_takes_no_event() -> None:
    Subscriber("mail").on("order.placed")(react_to_nothing)


def react_once(event: OrderPlaced) -> None: ...


def two_subscribers_of_one_name() -> None:
    first, second = Subscriber("mail"), Subscriber("mail")
    first.on(react_once)
    second.on(react_once)
    Application(first, second)


async def get_own_order(query: GetOrder, orders: Rows[OrderView], context: Context) -> int:
    return query.order


def a_cached_answer_that_depends_on_the_context() -> None:
    orders, views = Module("orders"), Projection("orders")
    views.read_model(OrderView, key="order")
    orders.query(cache=Cached(until_change=True))(get_own_order)
    Application(orders, views)


def guard_placing(message: PlaceOrder) -> None: ...


def a_guard_of_what_the_application_has_not() -> None:
    orders = Module("orders")
    orders.guards(guard_placing)
    Application(orders)


def may_place(message: PlaceOrder) -> bool:
    return True


def a_guard_that_returns_something() -> None:
    Module("orders").guards(may_place)


def a_message_without_a_guard_where_all_need_one() -> None:
    orders = Module("orders")
    orders.command(place_again)
    Application(orders, unguarded="refuse")


async def count(query: GetOrder) -> int:
    return query.order


async def count_again(query: GetOrder) -> int:
    return query.order


def two_modules_that_handle_one_query() -> None:
    orders, others = Module("orders"), Module("others")
    orders.query(count)
    others.query(count_again)
    Application(orders, others)


async def write(command: PlaceOrder, work: UnitOfWork[OrderPlaced]) -> None: ...


async def write_anything(command: PlaceOrder, work: UnitOfWork[Any]) -> None: ...


@dataclass(frozen=True)
class NumberOrders(Command[None]):
    first: int


def number_orders(command: NumberOrders, state: int) -> Iterator[OrderPlaced]:
    yield OrderPlaced(command.first)


def pay(state: int, happened: OrderPlaced) -> int:
    return state


def place_by_view(command: PlaceOrder, state: OrderView) -> Iterator[OrderPlaced]:
    yield OrderPlaced(command.order)


def view(state: OrderView, happened: OrderPlaced) -> OrderView:
    return state


def placed_view(row: OrderView | None, happened: OrderPlaced) -> OrderView:
    return OrderView(happened.order)


def get_at_once(query: GetOrder, rows: Rows[OrderView]) -> int:
    return query.order


def see(command: PlaceOrder) -> Iterator[OrderView]:
    yield OrderView(command.order)


async def count_rows(query: GetOrder, rows: Rows) -> int:  # type: ignore[type-arg]  # the mistake
    return await rows.count()


class Parcel(Aggregate[OrderView], tag="order", initial=lambda: OrderView(0)):
    @evolves
    def _placed(self, happened: OrderPlaced) -> OrderView:
        return OrderView(happened.order)


def a_unit_of_work_over_a_log_in_memory() -> None:
    orders = Module("orders")
    orders.command(write)
    Application(orders)


def a_unit_of_work_that_names_no_event() -> None:
    orders = Module("orders")
    orders.command(write_anything)
    Application(orders, events="sqlite:///orders.db")


def an_event_mark_without_parentheses() -> None:
    event(OrderView)  # type: ignore[arg-type]  # the mistake


def a_command_that_names_no_entity() -> None:
    Module("orders").decider(Decider(number_orders, pay, initial=int))


def a_state_that_needs_arguments() -> None:
    orders = Module("orders")
    orders.decider(Decider(place_by_view, view, initial=OrderView))  # type: ignore[arg-type]  # the mistake
    Application(orders)


def a_function_in_place_of_a_decider() -> None:
    Module("orders").decider(decide)  # type: ignore[type-var]  # the mistake


def an_object_in_place_of_an_aggregate() -> None:
    Module("orders").aggregate(Parcel())  # type: ignore[type-var]  # the mistake


def a_query_handler_that_takes_rows_and_is_not_async() -> None:
    orders, views = Module("orders"), Projection("orders")
    views.read_model(OrderView, key="order").on(placed_view)
    orders.query(get_at_once)
    Application(orders, views)


def rows_of_no_type() -> None:
    orders = Module("orders")
    orders.query(count_rows)
    Application(orders)


def a_decision_that_yields_what_is_no_event() -> None:
    orders = Module("orders")
    orders.decides()(see)
    Application(orders)


@event("order.priced")
@dataclass(frozen=True)
class OrderPriced:
    order: OrderId
    price: Annotated[float, Scale(2, ge=0)]


def priced(row: OrderView | None, happened: OrderPriced) -> OrderView:
    return OrderView(happened.order)


def money_that_is_a_float() -> None:
    views = Projection("orders")
    views.read_model(OrderView, key="order").on(priced)
    Application(views)


async def placed_later(row: OrderView | None, happened: OrderPlaced) -> OrderView:
    return OrderView(happened.order)


def a_fold_of_rows_that_is_async() -> None:
    Projection("orders").read_model(OrderView, key="order").on(placed_later)


async def evolve_later(order: Order, event: OrderPlaced) -> Order:
    return order


def a_fold_of_a_state_that_is_async() -> None:
    orders = Module("orders")
    orders.decider(Decider(decide, evolve_later, initial=Order))
    Application(orders)


def a_decision_model_of_no_entity() -> None:
    model = DecisionModel(evolve, initial=Order, tag="order")
    Module("orders").decides(order=model)(decide)  # type: ignore[arg-type]  # the mistake


def react_to_a_command(event: PlaceOrder) -> None: ...


def a_subscriber_to_a_command() -> None:
    Subscriber("mail").on(react_to_a_command)


MISTAKES: tuple[Callable[[], None], ...] = (
    two_handlers_for_one_command,
    two_modules_that_handle_one_command,
    a_parameter_that_nobody_provides,
    a_key_that_the_event_lacks,
    two_events_with_one_stored_name,
    a_command_handler_that_takes_rows,
    an_indexed_decimal_without_a_scale,
    a_mutable_state_type,
    a_mutable_event_type,
    a_fold_over_events_that_its_tag_does_not_lead_to,
    a_query_for_rows_that_no_projection_keeps,
    a_cached_answer_that_depends_on_the_context,
    a_subscriber_whose_parameter_nobody_provides,
    a_subscriber_to_what_is_no_event,
    a_subscriber_that_takes_no_event,
    two_subscribers_of_one_name,
    a_guard_of_what_the_application_has_not,
    a_guard_that_returns_something,
    a_message_without_a_guard_where_all_need_one,
    two_modules_that_handle_one_query,
    a_unit_of_work_over_a_log_in_memory,
    a_unit_of_work_that_names_no_event,
    an_event_mark_without_parentheses,
    a_command_that_names_no_entity,
    a_state_that_needs_arguments,
    a_function_in_place_of_a_decider,
    an_object_in_place_of_an_aggregate,
    a_query_handler_that_takes_rows_and_is_not_async,
    rows_of_no_type,
    a_decision_that_yields_what_is_no_event,
    money_that_is_a_float,
    a_fold_of_rows_that_is_async,
    a_fold_of_a_state_that_is_async,
    a_decision_model_of_no_entity,
    a_subscriber_to_a_command,
)
