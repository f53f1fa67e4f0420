"""A kiosk that these tests move: papers are sold, and a subscriber writes down each sale once."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from diptych import Application, Command, Decider, Envelope, Module, Projection, Subscriber, Tag, event

Paper = Annotated[str, Tag("paper")]


@event("paper.sold")
@dataclass(frozen=True)
class Sold:
    paper: Paper
    copies: int


@dataclass(frozen=True)
class Sell(Command[int]):
    """Sell copies; none of them is accepted too, and records no event."""

    paper: Paper
    copies: int = 1


@dataclass(frozen=True)
class Count:
    sold: int = 0


def decide(command: Sell, count: Count) -> Generator[Sold, None, int]:
    if command.copies:
        yield Sold(command.paper, command.copies)
    return count.sold + command.copies


def evolve(count: Count, event: Sold) -> Count:
    return Count(count.sold + event.copies)


@dataclass(frozen=True)
class Sales:
    paper: str
    sold: int


@dataclass
class Ledger:
    """What the subscriber wrote: the id of each delivery."""

    entries: list[UUID] = field(default_factory=list)


kiosk = Module("kiosk")
kiosk.decider(Decider(decide, evolve, initial=Count))
sales = Projection("sales")
rows = sales.read_model(Sales, key="paper")


@rows.on
def sold(row: Sales | None, event: Sold) -> Sales:
    return Sales(event.paper, event.copies + (0 if row is None else row.sold))


def application(url: str, ledger: Ledger, *, reads: str | None = None) -> Application:
    """Build the kiosk on the log of a URL."""
    writer = Subscriber("writer", since="beginning")

    @writer.on
    async def write(event: Sold, envelope: Envelope) -> None:
        ledger.entries.append(envelope.id)

    return Application(kiosk, sales, writer, events=url, reads=reads)


async def sell(app: Application, count: int, first: int = 0) -> None:
    """Sell to `count` customers, each with a key of its own; every fifth buys nothing."""
    for number in range(first, first + count):
        await app.send(Sell(f"paper-{number % 3}", number % 5), key=f"customer {number}", principal="ann")


def told(what: str, done: int, total: int) -> None:
    """Hear of progress, and say nothing."""
