"""The aggregate and the decisions of the event-sourced write model, each in a few lines and without a store."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from diptych import Missing, NotAllowed
from diptych.testing import Scenario
from orders.clerk import HOME, WORK
from orders.commands import (
    AddItem,
    InvoiceOrder,
    ListProduct,
    PlaceOrder,
    RegisterCustomer,
    SetShippingAddress,
    UpdateStatus,
)
from orders.events import (
    CustomerRegistered,
    ItemAdded,
    OrderCreated,
    OrderInvoiced,
    OrderPlaced,
    ProductListed,
    ShippingAddressSet,
    StatusUpdated,
)
from orders.rules import AlreadyInvoiced, EmailTaken, EmptyOrder, NoSuchStep, NotADraft
from orders.settings import OrderSettings
from orders.sourced import sourced
from orders.sourced.order import Order, OrderState

given = Scenario(sourced, provide=[OrderSettings()]).given

ADA, MUG, ORDER, OTHER = (UUID(int=number) for number in (1, 2, 3, 4))
REGISTERED = CustomerRegistered(ADA, "Ada", "ada@example.org")
LISTED = ProductListed(MUG, "mug", "kitchen", Decimal("2.50"))
CREATED = OrderCreated(ORDER, ADA, HOME, HOME, "card")
ADDED = ItemAdded(ORDER, MUG, 2, Decimal("2.50"))
PLACED = OrderPlaced(ORDER, ADA, 1, Decimal("5.00"))


def test_a_registration_is_an_event_with_the_id_that_was_generated() -> None:
    outcome = given().when(RegisterCustomer(name="Ada", email="ada@example.org"))

    registered = outcome.events[0]
    outcome.then(CustomerRegistered(registered.customer, "Ada", "ada@example.org")).then_value(registered.customer)


def test_an_address_in_other_letters_is_the_same_address() -> None:
    given(REGISTERED).when(RegisterCustomer(name="Ida", email="ADA@example.org")).then_refused(EmailTaken)


def test_an_item_has_the_price_of_its_moment() -> None:
    dearer = ProductListed(MUG, "mug", "kitchen", Decimal("3.00"))

    given(dearer, CREATED).when(AddItem(ORDER, MUG, 2), principal="staff").then(
        ItemAdded(ORDER, MUG, 2, Decimal("3.00"))
    )


def test_an_order_is_placed_with_what_it_comes_to() -> None:
    given(CREATED, ADDED, ADDED).when(PlaceOrder(ORDER), principal=str(ADA)).then(
        OrderPlaced(ORDER, ADA, 2, Decimal("10.00"))
    )


def test_a_draft_without_items_is_not_placed() -> None:
    given(CREATED).when(PlaceOrder(ORDER), principal="staff").then_refused(EmptyOrder)


def test_a_placed_order_takes_no_more_items() -> None:
    given(LISTED, CREATED, ADDED, PLACED).when(AddItem(ORDER, MUG, 1), principal="staff").then_refused(
        NotADraft, status="placed"
    )


def test_a_redirected_order_has_its_new_address() -> None:
    given(CREATED, ADDED, PLACED).when(SetShippingAddress(ORDER, WORK), principal="staff").then(
        ShippingAddressSet(ORDER, WORK)
    )


def test_a_step_says_from_where_and_why() -> None:
    given(CREATED, ADDED, PLACED).when(UpdateStatus(ORDER, "paid", "cash"), principal="staff").then(
        StatusUpdated(ORDER, "placed", "paid", "cash")
    )


def test_a_step_that_the_status_does_not_allow_is_refused_with_those_that_it_does() -> None:
    given(CREATED).when(UpdateStatus(ORDER, "shipped"), principal="staff").then_refused(
        NoSuchStep, status="draft", allowed=["cancelled"]
    )


def test_strangers_are_refused_and_what_is_not_there_is_missing() -> None:
    given(CREATED).when(PlaceOrder(ORDER), principal=str(OTHER)).then_refused(NotAllowed)
    given(CREATED).when(PlaceOrder(OTHER), principal="staff").then_refused(Missing)


def test_the_next_invoice_has_the_next_number_whichever_order_the_last_one_was_of() -> None:
    past = (OrderInvoiced(OTHER, 1), CREATED, ADDED, PLACED)

    given(*past).when(InvoiceOrder(ORDER), principal="staff").then(OrderInvoiced(ORDER, 2)).then_value(2)
    given(*past, OrderInvoiced(ORDER, 2)).when(InvoiceOrder(ORDER), principal="staff").then_refused(AlreadyInvoiced)


def test_a_product_is_listed_once_under_an_id() -> None:
    given(LISTED).when(ListProduct(name="cup", category="kitchen", price=Decimal(1), product=MUG)).then_refused(
        "id-taken"
    )


def test_the_aggregate_stands_alone() -> None:
    order = Order()
    order.record(CREATED)
    order.add(ORDER, MUG, 2, Decimal("2.50"))

    assert order.recorded == (CREATED, ADDED)
    assert order.state == OrderState(ADA, "draft", 1, Decimal("5.00"))
