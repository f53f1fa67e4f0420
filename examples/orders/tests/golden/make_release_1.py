"""How release-1.db was made, once, by the code of the first release. It is never made again: it must stay readable."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from diptych import Application, Command, Module, event
from diptych.testing import FixedClock, SequentialIds
from orders.clerk import HOME
from orders.events import CustomerRegistered, OrderPlaced, ProductListed
from orders.upcasting import LineV1, OrderCreatedV1
from orders.values import OrderId, Status

ADA, MUG, NOVEL, ORDER, DRAFT = (UUID(int=number) for number in range(1, 6))


@event("order.moved_on")
class MovedOn(msgspec.Struct, frozen=True, rename={"before": "from", "status": "to"}):
    """An order got another status."""

    order: OrderId
    before: Status
    status: Status
    note: str


Old = CustomerRegistered | ProductListed | OrderCreatedV1 | OrderPlaced | MovedOn
PAST: Final[tuple[Old, ...]] = (
    CustomerRegistered(ADA, "Ada", "ada@example.org"),
    ProductListed(MUG, "mug", "kitchen", Decimal("2.50")),
    ProductListed(NOVEL, "novel", "books", Decimal("10.00")),
    OrderCreatedV1(ORDER, ADA, HOME, (LineV1(MUG, 4, Decimal("2.50")), LineV1(NOVEL, 1, Decimal("9.00"))), "card"),
    OrderPlaced(ORDER, ADA, 2, Decimal("19.00")),
    MovedOn(ORDER, "placed", "paid", ""),
    MovedOn(ORDER, "paid", "shipped", "by bicycle"),
    OrderCreatedV1(DRAFT, ADA, HOME, (LineV1(MUG, 1, Decimal("2.50")),)),
)


@dataclass(frozen=True, slots=True)
class Remember(Command[None]):
    """Record one event of the past."""

    index: int


past = Module("past")


@past.decides()
def remember(command: Remember) -> Iterator[Old]:
    """Record it."""
    yield PAST[command.index]


async def main(path: Path) -> None:
    """Write the log."""
    async with Application(past, events=f"sqlite:///{path}", clock=FixedClock(), ids=SequentialIds()) as application:
        for index in range(len(PAST)):
            (await application.send(Remember(index), principal="staff")).unwrap()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute()))
