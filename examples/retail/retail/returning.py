"""Returning: decide on goods that come back."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from decimal import Decimal

from diptych import Context, FieldErrors, Module
from retail.customers import Account, BalanceChanged, accounts
from retail.documents import Till, moment, next_number, number_of, till_of, tills
from retail.products import Offer, offers
from retail.returns import AcceptReturn, ItemReturned, ReturnAccepted, return_numbers
from retail.sales import Taken
from retail.selling import unfit
from retail.settings import ShopSettings
from retail.stock import InventoryAdjusted
from retail.values import ZERO

ReturnEvent = ReturnAccepted | ItemReturned | InventoryAdjusted | BalanceChanged


def codes(command: AcceptReturn) -> Iterable[str]:
    """Return the products that come back."""
    return [line.product for line in command.lines]


def owner(command: AcceptReturn) -> Iterable[str]:
    """Return the customer, if one is named."""
    return () if command.customer is None else (command.customer,)


returning = Module("returning")


@returning.decides(
    products=offers.of(codes),
    customer=accounts.of(owner),
    till=tills.of(till_of),
    numbers=return_numbers.of(number_of),
)
def accept_return(  # noqa: PLR0917 (what the decision reads, one parameter each)
    command: AcceptReturn,
    products: Mapping[str, Offer],
    customer: Mapping[str, Account],
    till: Mapping[str, Till],
    numbers: Mapping[str, Taken],
    context: Context,
    settings: ShopSettings,
) -> Generator[ReturnEvent, None, str]:
    """Take goods back, also those that are sold no longer."""
    _check(command, products, customer)
    number = next_number(command, till, numbers)
    total = sum((line.quantity * line.price for line in command.lines), ZERO)
    yield _accepted(command, number, total, context, settings)
    for line in command.lines:
        yield ItemReturned(number, line.product, line.quantity, line.price)
        yield InventoryAdjusted(line.product, line.quantity, "return", number)
    if command.refund == "credit" and command.customer is not None and total:
        yield BalanceChanged(command.customer, -total, number)
    return number


def _check(command: AcceptReturn, products: Mapping[str, Offer], customer: Mapping[str, Account]) -> None:
    wrong = dict(unfit(codes(command), products, sold=False))
    if command.customer is not None and customer[command.customer].limit is None:
        wrong["customer"] = f"there is no customer {command.customer}"
    if command.customer is None and command.refund == "credit":
        wrong["customer"] = "is required for a refund on credit"
    if wrong:
        raise FieldErrors(wrong)


def _accepted(
    command: AcceptReturn, number: str, total: Decimal, context: Context, settings: ShopSettings
) -> ReturnAccepted:
    at = moment(command.returned_at, context.now)
    units = sum(line.quantity for line in command.lines)
    return ReturnAccepted(
        number,
        settings.day_of(at),
        at,
        command.refund,
        len(command.lines),
        units,
        total,
        command.customer,
        command.till,
    )
