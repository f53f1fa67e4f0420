"""The rules of the house, as both write models apply them: what may happen next, and how a caller is told no."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from diptych import FieldErrors, Missing, NotAllowed, Refusal
from orders.commands import Item
from orders.settings import OrderSettings
from orders.values import Status, Step

MAX_ITEMS: Final = 100
NEXT: Final[Mapping[Status, frozenset[Step]]] = {
    "draft": frozenset({"cancelled"}),
    "placed": frozenset({"paid", "shipped", "cancelled"}),
    "paid": frozenset({"shipped", "cancelled"}),
    "shipped": frozenset({"delivered"}),
    "delivered": frozenset(),
    "cancelled": frozenset(),
}
SENT: Final[frozenset[Status]] = frozenset({"shipped", "delivered", "cancelled"})


class EmailTaken(Refusal):
    """Another customer has this e-mail address."""


class IdTaken(Refusal):
    """There is a thing of this id already."""


class NotADraft(Refusal):
    """Only a draft can be changed so."""


class EmptyOrder(Refusal):
    """An order is placed with one item or more."""


class TooManyItems(Refusal):
    """An order has so many items at most."""


class AlreadySent(Refusal):
    """Where the order goes cannot be changed any longer."""


class NoSuchStep(Refusal):
    """An order of this status cannot get that one."""


class NotInvoiceable(Refusal):
    """Drafts and cancelled orders get no invoice."""


class AlreadyInvoiced(Refusal):
    """The order has its invoice."""


def no_order(order: UUID) -> Missing:
    """Return the refusal that there is no such order."""
    return Missing(f"there is no order {order}", order=str(order))


def refuse_stranger(settings: OrderSettings, principal: str | None, customer: UUID) -> None:
    """Raise NotAllowed for a principal who is neither the customer nor of the staff."""
    if not settings.may_see(principal, customer):
        raise NotAllowed(f"{principal or 'nobody'} has nothing to do with the orders of customer {customer}")


def refuse_taken_email(email: str, *, taken: bool) -> None:
    """Raise EmailTaken for the address of another customer."""
    if taken:
        raise EmailTaken(f"another customer has the e-mail address {email}", email=email)


def refuse_taken_id(kind: str, key: UUID, *, taken: bool) -> None:
    """Raise IdTaken for an id that a command brought and something else has."""
    if taken:
        raise IdTaken(f"there is a {kind} {key} already", **{kind: str(key)})


def refuse_unknown(customer: UUID, *, known: bool, items: Sequence[Item], products: Collection[UUID]) -> None:
    """Raise FieldErrors that name an unknown customer and every unknown product at once."""
    wrong = dict(_unknown_products(items, products))
    if not known:
        wrong["customer"] = f"there is no customer {customer}"
    if wrong:
        raise FieldErrors(wrong)


def refuse_change(order: UUID, status: Status) -> None:
    """Raise NotADraft unless the order is a draft."""
    if status != "draft":
        raise NotADraft(f"order {order} is {status}, no draft", order=str(order), status=status)


def refuse_more(order: UUID, items: int) -> None:
    """Raise TooManyItems for a full order."""
    if items >= MAX_ITEMS:
        raise TooManyItems(f"order {order} has {items} items, no more fit", order=str(order), most=MAX_ITEMS)


def refuse_empty(order: UUID, items: int) -> None:
    """Raise EmptyOrder for an order without items."""
    if not items:
        raise EmptyOrder(f"order {order} has no items: add one first", order=str(order))


def refuse_redirect(order: UUID, status: Status) -> None:
    """Raise AlreadySent where the address comes too late."""
    if status in SENT:
        raise AlreadySent(f"order {order} is {status}, its address stays", order=str(order), status=status)


def refuse_step(order: UUID, status: Status, step: Step, *, by_staff: bool) -> None:
    """Raise NoSuchStep unless an order of this status may get that one; NotAllowed for what only the staff may do."""
    if step != "cancelled" and not by_staff:
        raise NotAllowed(f"customers cancel orders; only the staff says that one is {step}")
    allowed = NEXT[status]
    if step not in allowed:
        possible = ", ".join(sorted(allowed)) or "nothing"
        raise NoSuchStep(
            f"order {order} is {status} and can become {possible}, not {step}",
            order=str(order),
            status=status,
            allowed=sorted(allowed),
        )


def refuse_invoice(order: UUID, status: Status, number: int | None) -> None:
    """Raise NotInvoiceable or AlreadyInvoiced for an order that gets no invoice."""
    if number is not None:
        raise AlreadyInvoiced(f"order {order} has invoice {number}", order=str(order), number=number)
    if status in {"draft", "cancelled"}:
        raise NotInvoiceable(f"order {order} is {status}", order=str(order), status=status)


def _unknown_products(items: Sequence[Item], products: Collection[UUID]) -> Iterable[tuple[str, str]]:
    for index, item in enumerate(items):
        if item.product not in products:
            yield f"items[{index}].product", f"there is no product {item.product}"
