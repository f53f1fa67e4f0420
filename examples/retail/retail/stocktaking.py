"""Stocktaking: decide on movements of stock that are neither sale nor return."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping

from diptych import Context, FieldErrors, Missing, Module
from retail.documents import Till, moment, next_number, till_of, tills
from retail.products import Offer, offers
from retail.settings import ShopSettings
from retail.stock import AdjustStock, InventoryAdjusted, Level, StockAdjusted, levels, take


def guarded(command: AdjustStock, settings: ShopSettings) -> Iterable[str]:
    """Return the product whose stock must be known: none where it may be negative or grows."""
    return () if settings.negative_stock or command.delta > 0 else (command.product,)


stocktaking = Module("stocktaking")


@stocktaking.decides(
    offer=offers.one(lambda command: command.product),
    stock=levels.of(guarded),
    till=tills.of(till_of),
)
def adjust_stock(  # noqa: PLR0917 (what the decision reads, one parameter each)
    command: AdjustStock,
    offer: Offer,
    stock: Mapping[str, Level],
    till: Mapping[str, Till],
    context: Context,
    settings: ShopSettings,
) -> Generator[StockAdjusted | InventoryAdjusted, None, str]:
    """Move stock; a given number may stand on several movements, as on one paper."""
    if offer.price is None:
        raise Missing(f"there is no product {command.product}", product=command.product)
    if not command.delta:
        raise FieldErrors({"delta": "expected a change, found 0"})
    number = next_number(command, till)
    for product, level in stock.items():
        take(level, product, -command.delta)
    at = moment(command.moved_at, context.now)
    day = settings.day_of(at)
    yield StockAdjusted(number, command.product, command.delta, command.reason, at, day, command.till)
    yield InventoryAdjusted(command.product, command.delta, "movement", number)
    return number
