"""Pots: entities whose states are saved. Every kind of fold that can say `snapshots=`, and what each folded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated

from diptych import (
    Aggregate,
    Application,
    Command,
    Decider,
    DecisionModel,
    Meta,
    Module,
    Refusal,
    Repository,
    Snapshots,
    Tag,
    event,
    evolves,
    handles,
)

PotId = Annotated[str, Tag("pot")]
EVERY = 5
folded: Counter[str] = Counter()
"""How many events each fold has seen: what a test asks to know where a state came from."""


@event("pot.filled")
@dataclass(frozen=True, slots=True)
class Filled:
    pot: PotId
    amount: Decimal
    by: str


@event("pot.emptied")
@dataclass(frozen=True, slots=True)
class Emptied:
    pot: PotId


@dataclass(frozen=True, slots=True)
class Pot:
    amounts: tuple[Decimal, ...] = ()
    by: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({}))
    emptied_at: datetime | None = None


class Told(Refusal):
    """What a decision knew, told to the test."""


@dataclass(frozen=True, slots=True)
class Fill(Command[int]):
    pot: PotId
    amount: Decimal
    by: str = "somebody"


@dataclass(frozen=True, slots=True)
class Empty(Command[int]):
    pot: PotId


@dataclass(frozen=True, slots=True)
class Tell(Command[None]):
    pot: PotId


def decide(command: Fill | Empty | Tell, pot: Pot) -> Generator[Filled | Emptied, None, int]:
    match command:
        case Fill(name, amount, by):
            yield Filled(name, amount, by)
        case Empty(name):
            yield Emptied(name)
        case Tell():
            raise Told(state=repr(pot))
    return len(pot.amounts)


def evolve(pot: Pot, happened: Filled | Emptied, meta: Meta) -> Pot:
    folded["pot"] += 1
    match happened:
        case Filled(_, amount, by):
            return Pot((*pot.amounts, amount), MappingProxyType({**pot.by, by: meta.position}), pot.emptied_at)
        case Emptied():
            return Pot((), pot.by, meta.recorded_at)


@dataclass(frozen=True, slots=True)
class Compare(Command[None]):
    pots: tuple[str, ...]


def fullest(amount: Decimal, happened: Filled) -> Decimal:
    folded["fullest"] += 1
    return max(amount, happened.amount)


def nothing() -> Decimal:
    return Decimal(0)


@dataclass(frozen=True, slots=True)
class Weigh(Command[None]):
    pot: PotId


@event("pot.weighed")
@dataclass(frozen=True, slots=True)
class Weighed:
    pot: PotId


@dataclass(frozen=True, slots=True)
class Scales:
    times: int = 0
    shown: float = 0.0


def weigh(command: Weigh, scales: Scales) -> Iterator[Weighed]:
    yield Weighed(command.pot)


def reading(scales: Scales, _: Weighed) -> Scales:
    folded["scales"] += 1
    return Scales(scales.times + 1, 1.5 if scales.times >= EVERY else math.nan)


def scales() -> Module:
    """Return a module whose states can be saved from the event after the first `EVERY` on."""
    made = Module("scales")
    made.decider(Decider(weigh, reading, initial=Scales, snapshots=Snapshots(every=1)))
    return made


@event("cellar.stored")
@dataclass(frozen=True, slots=True)
class Stored:
    cellar: Annotated[str, Tag("cellar")]
    box: Annotated[str, Tag("box")]


@dataclass(frozen=True, slots=True)
class Store(Command[tuple[int, int]]):
    cellar: str
    box: str


def count(number: int, _: Stored) -> int:
    folded["stored"] += 1
    return number + 1


def cellar() -> Module:
    """Return a module that counts what was stored in all, and in one box of one cellar."""
    made, snapshots = Module("cellar"), Snapshots(every=EVERY)
    everything = DecisionModel(count, initial=int, tag=None, snapshots=snapshots)
    boxes = DecisionModel(count, initial=int, tag=("cellar", "box"), snapshots=snapshots)

    @made.decides(of_all=everything.whole(), of_box=boxes.one(lambda command: (command.cellar, command.box)))
    def store(command: Store, of_all: int, of_box: int) -> Generator[Stored, None, tuple[int, int]]:
        yield Stored(command.cellar, command.box)
        return of_all, of_box

    return made


@dataclass(frozen=True, slots=True)
class Shelf:
    jars: int = 0


@event("jar.put")
@dataclass(frozen=True, slots=True)
class JarPut:
    shelf: Annotated[str, Tag("shelf")]


@dataclass(frozen=True, slots=True)
class PutJar(Command[int]):
    shelf: Annotated[str, Tag("shelf")]


@dataclass(frozen=True, slots=True)
class CountJars(Command[int]):
    shelf: Annotated[str, Tag("shelf")]


class Jars(Aggregate[Shelf], tag="shelf", snapshots=Snapshots(every=EVERY)):
    """The jars on a shelf."""

    @handles
    def put(self, command: PutJar) -> int:
        self.record(JarPut(command.shelf))
        return self.state.jars

    @evolves
    def _put(self, _: JarPut) -> Shelf:
        folded["jars"] += 1
        return Shelf(self.state.jars + 1)


def kitchen(*, every: int | None = EVERY, version: int = 1) -> Module:
    """Return the module, with or without snapshots."""
    snapshots = None if every is None else Snapshots(every=every, version=version)
    pots = DecisionModel(fullest, initial=nothing, tag="pot", snapshots=snapshots)
    made = Module("kitchen")
    made.decider(Decider(decide, evolve, initial=Pot, snapshots=snapshots))

    @made.decides(pots=pots.of(lambda command: command.pots))
    def compare(command: Compare, pots: Mapping[str, Decimal]) -> Iterator[Filled]:
        raise Told(state=repr(dict(pots)))

    return made


shelves = Module("shelves")
shelves.aggregate(Jars)


@shelves.command
async def count_jars(command: CountJars, jars: Repository[Jars]) -> int:
    return (await jars.get(command.shelf)).state.jars


async def filled(app: Application, pot: str, times: int) -> None:
    """Fill a pot so often, one command after another."""
    for number in range(times):
        (await app.send(Fill(pot, Decimal(number), f"cook {number % 3}"))).unwrap()


async def told(app: Application, command: Command[None]) -> str:
    """Return what a decision knows of the entities of a command."""
    result = await app.send(command)
    assert result.error is not None
    return str(result.data["state"])  # type: ignore[union-attr]  # Refused, as it says
