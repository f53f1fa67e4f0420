"""A small domain to specify: a store room of bins that hold so much and no more."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal
from diptych.model.decisions import Decider, DecisionModel
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context, Meta
from diptych.module import Module

BinId = Annotated[UUID, Tag("bin")]
Quantity = Annotated[int, Bounds(gt=0)]


@event("bin.opened")
@dataclass(frozen=True)
class BinOpened:
    bin: BinId
    label: str
    at: datetime
    by: str | None = None


@event("bin.filled")
@dataclass(frozen=True)
class BinFilled:
    bin: BinId
    quantity: int


@event("bin.emptied_into")
@dataclass(frozen=True)
class Moved:
    source: BinId
    target: BinId
    quantity: int


@dataclass(frozen=True, kw_only=True)
class OpenBin(Command[UUID]):
    bin: Annotated[BinId, Generated] = NEW
    label: Annotated[str, NotBlank]


@dataclass(frozen=True)
class FillBin(Command[None]):
    bin: BinId
    quantity: Quantity


@dataclass(frozen=True)
class Move(Command[None]):
    source: BinId
    target: BinId
    quantity: Quantity


@dataclass(frozen=True)
class Ping(Command[str]):
    text: str


class TooLittle(Refusal):
    """There is less than was asked for."""


@dataclass(frozen=True)
class Limit:
    most: int


@dataclass(frozen=True)
class Bin:
    opened: bool = False
    quantity: int = 0
    last: int = 0


def evolve(room: Bin, event: BinOpened | BinFilled, meta: Meta) -> Bin:
    match event:
        case BinOpened():
            return Bin(opened=True, last=meta.position)
        case BinFilled(quantity=quantity):
            return replace(room, quantity=room.quantity + quantity, last=meta.position)


def decide(
    command: OpenBin | FillBin, room: Bin, context: Context, limit: Limit
) -> Generator[BinOpened | BinFilled, None, UUID | None]:
    match command:
        case OpenBin() if room.opened:
            return command.bin
        case OpenBin(bin=new, label=label):
            yield BinOpened(new, label, context.now, context.principal)
            return new
        case FillBin() if not room.opened:
            raise Missing(f"there is no bin {command.bin}")
        case FillBin() if context.principal == "thief":
            raise NotAllowed("not you")
        case FillBin(quantity=quantity) if room.quantity + quantity > limit.most:
            raise FieldErrors({"quantity": f"at most {limit.most - room.quantity}"})
        case FillBin(quantity=quantity):
            yield BinFilled(command.bin, quantity)
    return None


def count(quantity: int, event: BinFilled | Moved) -> int:
    return quantity + event.quantity


store_room = Module("store_room")
store_room.decider(Decider(decide, evolve, initial=Bin))
contents = DecisionModel(count, initial=int, tag="bin")


@store_room.decides(quantities=contents.of(lambda move: (move.source, move.target)))
def move(command: Move, quantities: Mapping[UUID, int]) -> Iterator[Moved]:
    if quantities[command.source] < command.quantity:
        there = quantities[command.source]
        raise TooLittle(f"{there} there, {command.quantity} asked for", there=there, asked=command.quantity)
    yield Moved(command.source, command.target, command.quantity)


@store_room.command
async def ping(command: Ping, context: Context, limit: Limit) -> str:
    if not command.text:
        raise Refusal("say something")
    return f"{command.text} {limit.most} {context.principal}"
