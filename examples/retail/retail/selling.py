"""Selling: decide on a sale over its products, its customer, its till, and stock where stock counts."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from diptych import Context, FieldErrors, Missing, Module, Refusal
from retail.customers import Account, Balance, BalanceChanged, accounts, balances, lend
from retail.documents import Till, moment, next_number, number_of, till_of, tills
from retail.products import Offer, offers
from retail.sales import (
    CancelSale,
    ItemAdded,
    ProcessSale,
    Sale,
    SaleCancelled,
    SaleCompleted,
    SaleStarted,
    Taken,
    sale_model,
    sale_numbers,
    total_of,
    units_of,
)
from retail.settings import ShopSettings
from retail.stock import InventoryAdjusted, Level, levels, take
from retail.values import ZERO

SaleEvent = SaleStarted | ItemAdded | SaleCompleted | InventoryAdjusted | BalanceChanged
CancelEvent = SaleCancelled | InventoryAdjusted | BalanceChanged


class Underpaid(Refusal):
    """Less was paid in cash than the goods cost."""


class AlreadyCancelled(Refusal):
    """The sale was cancelled before."""


def codes(sale: ProcessSale) -> Iterable[str]:
    """Return the products of a sale."""
    return [line.product for line in sale.lines]


def guarded(sale: ProcessSale, settings: ShopSettings) -> Iterable[str]:
    """Return the products whose stock the sale must know: none where more may be sold than there is."""
    return () if settings.negative_stock else codes(sale)


def buyer(sale: ProcessSale) -> Iterable[str]:
    """Return the customer, if one is named."""
    return () if sale.customer is None else (sale.customer,)


def borrower(sale: ProcessSale) -> Iterable[str]:
    """Return the customer whose balance counts, if the sale is on credit."""
    return buyer(sale) if sale.payment == "credit" else ()


selling = Module("selling")


@selling.decides(
    products=offers.of(codes),
    stock=levels.of(guarded),
    customer=accounts.of(buyer),
    balance=balances.of(borrower),
    till=tills.of(till_of),
    numbers=sale_numbers.of(number_of),
)
def process_sale(  # noqa: PLR0917 (what the decision reads, one parameter each)
    command: ProcessSale,
    products: Mapping[str, Offer],
    stock: Mapping[str, Level],
    customer: Mapping[str, Account],
    balance: Mapping[str, Balance],
    till: Mapping[str, Till],
    numbers: Mapping[str, Taken],
    context: Context,
    settings: ShopSettings,
) -> Generator[SaleEvent, None, str]:
    """Sell, or say everything that is wrong."""
    _check(command, products, customer)
    number = next_number(command, till, numbers)
    items = [_item(number, line.product, line.quantity, line.price, products) for line in command.lines]
    for product, asked in units_of(command.lines).items() if stock else ():
        take(stock[product], product, asked)
    done = _completed(command, number, items, moment(command.sold_at, context.now), settings)
    yield from _documented(command, done, items)
    if command.payment == "credit":
        yield from _charged(done, customer, balance)
    return number


def _check(command: ProcessSale, products: Mapping[str, Offer], customer: Mapping[str, Account]) -> None:
    wrong = dict(unfit(codes(command), products, sold=True))
    if command.customer is not None and customer[command.customer].limit is None:
        wrong["customer"] = f"there is no customer {command.customer}"
    if command.customer is None and command.payment == "credit":
        wrong["customer"] = "is required for a sale on credit"
    if wrong:
        raise FieldErrors(wrong)


def unfit(named: Iterable[str], products: Mapping[str, Offer], *, sold: bool) -> Iterator[tuple[str, str]]:
    """Yield a path and a message for every line whose product cannot be on a document."""
    for index, product in enumerate(named):
        offer = products[product]
        if offer.price is None:
            yield f"lines[{index}].product", f"there is no product {product}"
        elif sold and offer.discontinued:
            yield f"lines[{index}].product", f"{product} is sold no longer"


def _item(number: str, product: str, quantity: int, price: Decimal | None, products: Mapping[str, Offer]) -> ItemAdded:
    return ItemAdded(number, product, quantity, price if price is not None else products[product].price or ZERO)


def _documented(command: ProcessSale, done: SaleCompleted, items: Iterable[ItemAdded]) -> Iterator[SaleEvent]:
    yield SaleStarted(done.sale, command.payment, done.sold_at, command.customer, command.till)
    for item in items:
        yield item
        yield InventoryAdjusted(item.product, -item.quantity, "sale", done.sale)
    yield done


def _completed(
    command: ProcessSale, number: str, items: Sequence[ItemAdded], at: datetime, settings: ShopSettings
) -> SaleCompleted:
    total = total_of(items)
    return SaleCompleted(
        sale=number,
        day=settings.day_of(at),
        sold_at=at,
        payment=command.payment,
        lines=len(items),
        units=sum(item.quantity for item in items),
        total=total,
        paid=_paid(command, total),
        customer=command.customer,
        till=command.till,
    )


def _paid(command: ProcessSale, total: Decimal) -> Decimal:
    if command.paid is None:
        return total if command.payment == "cash" else ZERO
    if command.payment == "cash" and command.paid < total:
        raise Underpaid(f"{command.paid} paid of {total}", total=str(total), paid=str(command.paid))
    if command.payment == "credit" and command.paid > total:
        raise FieldErrors({"paid": f"expected at most the total of {total}"})
    return command.paid


def _charged(
    done: SaleCompleted, customer: Mapping[str, Account], balance: Mapping[str, Balance]
) -> Iterator[BalanceChanged]:
    name = done.customer or ""
    amount = done.total - done.paid
    lend(customer[name], balance[name], amount)
    if amount:
        yield BalanceChanged(name, amount, done.sale)


@selling.decides(sale=sale_model.one(lambda command: command.sale))
def cancel_sale(command: CancelSale, sale: Sale) -> Generator[CancelEvent, None, str]:
    """Undo a sale: the goods go back on the shelf, and what was lent is forgiven."""
    done = sale.completed
    if done is None:
        raise Missing(f"there is no sale {command.sale}", sale=command.sale)
    if sale.cancelled:
        raise AlreadyCancelled(f"sale {command.sale} was cancelled before", sale=command.sale)
    yield SaleCancelled(
        command.sale, done.day, done.payment, done.units, done.total, command.reason, sale.lines, done.customer
    )
    for line in sale.lines:
        yield InventoryAdjusted(line.product, line.quantity, "cancellation", command.sale)
    if done.customer is not None and done.payment == "credit" and done.paid != done.total:
        yield BalanceChanged(done.customer, done.paid - done.total, command.sale)
    return command.sale
