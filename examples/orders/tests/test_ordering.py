"""Orders from end to end: what commands answer, and what the read models show after them, on either write model."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from diptych import Command, Conflict, Forbidden, Invalid, NotFound, Refused
from diptych.testing import NOON, FixedClock
from orders.clerk import HOME, WORK, Clerk
from orders.commands import (
    AddItem,
    CreateOrder,
    InvoiceOrder,
    Item,
    ListProduct,
    PlaceOrder,
    RegisterCustomer,
    SetShippingAddress,
    UpdateStatus,
)
from orders.queries.customers import FindCustomers, GetCustomer
from orders.queries.orders import GetOrder
from orders.queries.products import GetProduct
from orders.values import Step
from orders.views.details import OrderDetail, OrderedItem, StatusChange
from orders.views.parties import CustomerView, ProductView
from orders.views.summaries import OrderSummary


async def test_a_customer_is_registered_under_a_new_id(clerk: Clerk) -> None:
    ada = await clerk.customer("Ada", "Ada@example.org")

    shown = await clerk.application.ask(GetCustomer(ada), after=1, principal="staff")
    assert shown == CustomerView(ada, "Ada", "Ada@example.org")
    found = await clerk.application.ask(FindCustomers("example"), principal="staff")
    assert [each.name for each in found] == ["Ada"]


async def test_an_email_address_is_taken_once_in_whatever_letters(clerk: Clerk) -> None:
    await clerk.customer("Ada", "Ada@example.org")

    again = await clerk.application.send(RegisterCustomer(name="Ida", email="aDA@Example.org"), principal="staff")

    assert isinstance(again, Refused)
    assert (again.code, again.data) == ("email-taken", {"email": "aDA@Example.org"})


async def test_a_product_is_listed_with_its_category(clerk: Clerk) -> None:
    mug = await clerk.product("mug", "kitchen", "2.50")

    shown = await clerk.application.ask(GetProduct(mug), after=1)

    assert shown == ProductView(mug, "mug", "kitchen", Decimal("2.50"))


async def test_ids_that_a_command_brings_are_taken_once(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})

    for command in (
        RegisterCustomer(name="Ida", email="ida@example.org", customer=ada),
        ListProduct(name="cup", category="kitchen", price=Decimal(1), product=mug),
        CreateOrder(customer=ada, shipping=HOME, payment="card", order=order),
    ):
        again = await clerk.application.send(command, principal="staff")
        assert isinstance(again, Refused), command
        assert again.code == "id-taken"


async def test_an_order_is_read_right_after_it_was_created(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")

    created = await clerk.orders.create(
        CreateOrder(
            customer=ada, items=(Item(product=mug, quantity=2),), shipping=HOME, billing=WORK, payment="invoice"
        )
    )
    shown = await clerk.seeing(created).get(created.unwrap())

    assert shown == OrderDetail(
        order=created.unwrap(),
        customer=ada,
        customer_name="Ada",
        customer_email="ada@example.org",
        payment="invoice",
        shipping=HOME,
        billing=WORK,
        history=(StatusChange("draft", NOON, "staff"),),
        items=(OrderedItem(mug, "mug", "kitchen", 2, Decimal("2.50"), Decimal("5.00")),),
        total=Decimal("5.00"),
    )


async def test_without_a_billing_address_an_order_is_billed_to_where_it_is_shipped(clerk: Clerk) -> None:
    order = await clerk.draft(await clerk.customer("Ada"), {})

    await clerk.application.caught_up()
    shown = await clerk.orders.get(order)

    assert shown is not None
    assert shown.billing == shown.shipping == HOME


async def test_an_unknown_customer_and_unknown_products_are_errors_at_once(clerk: Clerk) -> None:
    mug, nobody, nothing = await clerk.product("mug", "kitchen", "2.50"), uuid4(), uuid4()
    items = tuple(Item(product=product, quantity=2) for product in (nothing, mug, nothing))
    result = await clerk.orders.create(CreateOrder(customer=nobody, items=items, shipping=HOME, payment="card"))

    assert isinstance(result, Invalid)
    assert result.errors == {
        "customer": (f"there is no customer {nobody}",),
        "items[0].product": (f"there is no product {nothing}",),
        "items[2].product": (f"there is no product {nothing}",),
    }


async def test_a_draft_grows_until_it_is_placed(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    cup = await clerk.product("cup", "kitchen", "1.25")
    order = await clerk.draft(ada, {mug: 2})

    (await clerk.orders.add_item(order, cup, 4)).unwrap()
    placed = await clerk.orders.place(order)
    late = await clerk.orders.add_item(order, cup, 1)

    assert isinstance(late, Refused)
    assert (late.code, late.data["status"]) == ("not-a-draft", "placed")
    found = await clerk.seeing(placed).find()
    assert found.items == (OrderSummary(order, ada, "Ada", NOON, "card", "placed", 2, 6, Decimal("10.00"), NOON, None),)


async def test_an_item_is_of_a_product_that_there_is(clerk: Clerk) -> None:
    order = await clerk.draft(await clerk.customer("Ada"), {})

    result = await clerk.orders.add_item(order, order, 1)

    assert isinstance(result, Invalid)
    assert result.errors == {"product": (f"there is no product {order}",)}


async def test_an_order_holds_a_hundred_items_and_no_more(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = (
        await clerk.orders.create(
            CreateOrder(customer=ada, items=(Item(product=mug, quantity=1),) * 100, shipping=HOME, payment="card")
        )
    ).unwrap()

    result = await clerk.orders.add_item(order, mug, 1)

    assert isinstance(result, Refused)
    assert (result.code, result.data["most"]) == ("too-many-items", 100)


async def test_an_empty_order_is_not_placed(clerk: Clerk) -> None:
    order = await clerk.draft(await clerk.customer("Ada"), {})

    result = await clerk.orders.place(order)

    assert isinstance(result, Refused)
    assert result.code == "empty-order"


async def test_what_is_asked_of_no_order_is_not_found(clerk: Clerk) -> None:
    order, mug = UUID(int=1), await clerk.product("mug", "kitchen", "2.50")
    commands: tuple[Command[Any], ...] = (
        AddItem(order, mug, 1),
        SetShippingAddress(order, HOME),
        PlaceOrder(order),
        UpdateStatus(order, "paid"),
        InvoiceOrder(order),
    )

    for command in commands:
        result = await clerk.application.send(command, principal="staff")
        assert isinstance(result, NotFound), command
        assert result.data == {"order": str(order)}


async def test_an_order_goes_elsewhere_until_it_is_shipped(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.placed(ada, {mug: 1})

    redirected = await clerk.orders.redirect(order, WORK)
    shown = await clerk.seeing(redirected).get(order)
    (await clerk.orders.update_status(order, "shipped")).unwrap()
    late = await clerk.orders.redirect(order, HOME)

    assert shown is not None
    assert (shown.shipping, shown.billing) == (WORK, HOME)
    assert isinstance(late, Refused)
    assert late.code == "already-sent"


async def test_the_status_history_says_who_when_and_why(clerk: Clerk, clock: FixedClock) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})
    clock.advance(hours=1)
    (await clerk.on_behalf_of(ada).place(order)).unwrap()
    clock.advance(hours=1)

    paid = await clerk.orders.update_status(order, "paid", "by bank transfer")
    shown = await clerk.seeing(paid).get(order)

    assert shown is not None
    assert [(step.status, step.at.hour - NOON.hour, step.by, step.reason) for step in shown.history] == [
        ("draft", 0, "staff", None),
        ("placed", 1, str(ada), None),
        ("paid", 2, "staff", "by bank transfer"),
    ]


async def test_an_order_takes_only_steps_that_its_status_allows(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    cases: tuple[tuple[tuple[Step, ...], Step, list[str]], ...] = (
        ((), "delivered", ["cancelled", "paid", "shipped"]),
        (("paid", "shipped"), "cancelled", ["delivered"]),
        (("cancelled",), "paid", []),
    )

    for steps, next_one, allowed in cases:
        order = await clerk.placed(ada, {mug: 1}, *steps)
        result = await clerk.orders.update_status(order, next_one)
        assert isinstance(result, Refused)
        assert (result.code, result.data["allowed"]) == ("no-such-step", allowed)


async def test_a_customer_cancels_an_order_and_the_staff_does_the_rest(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order, customer = await clerk.placed(ada, {mug: 1}), clerk.on_behalf_of(ada)

    paid = await customer.update_status(order, "paid")
    cancelled = await customer.update_status(order, "cancelled", "found it cheaper")

    assert isinstance(paid, Forbidden)
    assert cancelled.is_success


async def test_invoices_are_numbered_without_gaps(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    orders = [await clerk.placed(ada, {mug: 1}) for _ in range(3)]
    draft = await clerk.draft(ada, {mug: 1})

    numbers = [(await clerk.orders.invoice(order)).unwrap() for order in orders]
    again, early = await clerk.orders.invoice(orders[0]), await clerk.orders.invoice(draft)

    assert numbers == [1, 2, 3]
    assert isinstance(again, Refused)
    assert (again.code, again.data["number"]) == ("already-invoiced", 1)
    assert isinstance(early, Refused)
    assert early.code == "not-invoiceable"
    await clerk.application.caught_up()
    shown = await clerk.orders.get(orders[1])
    assert shown is not None
    assert shown.invoice == 2


async def test_an_order_is_changed_only_as_it_was_seen(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    created = await clerk.orders.create(
        CreateOrder(customer=ada, items=(Item(product=mug, quantity=1),), shipping=HOME, payment="card")
    )
    order, seen = created.unwrap(), created.position
    assert seen is not None

    first = await clerk.expecting(seen).add_item(order, mug, 1)
    second = await clerk.expecting(seen).add_item(order, mug, 1)
    third = await clerk.expecting(first.position).place(order)

    assert first.is_success
    assert isinstance(second, Conflict)
    assert third.is_success


async def test_what_happens_to_another_order_is_no_conflict(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order, other = await clerk.draft(ada, {mug: 1}), await clerk.draft(ada, {mug: 1})
    seen = await clerk.application.head()
    (await clerk.orders.place(other)).unwrap()

    assert (await clerk.expecting(seen).place(order)).is_success


async def test_a_command_that_is_sent_again_with_its_key_takes_effect_once(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")

    basket = CreateOrder(customer=ada, items=(Item(product=mug, quantity=1),), shipping=HOME, payment="card")
    first = await clerk.keyed("basket-7").create(basket)
    again = await clerk.keyed("basket-7").create(basket)
    added = [await clerk.keyed("more").add_item(first.unwrap(), mug, 1) for _ in range(3)]

    assert again == first
    assert len({result.position for result in added}) == 1
    shown = await clerk.seeing(added[0]).get(first.unwrap())
    assert shown is not None
    assert len(shown.items) == 2


async def test_read_models_are_the_fold_of_the_log(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    await clerk.placed(ada, {mug: 1}, "paid", "shipped", "delivered")
    await clerk.placed(ada, {mug: 2}, "cancelled")
    await clerk.application.caught_up()

    report = await clerk.application.check("sales")

    assert (report.position, report.differences) == (await clerk.application.head(), ())
    assert await clerk.application.ask(GetOrder(uuid4()), principal="staff") is None
