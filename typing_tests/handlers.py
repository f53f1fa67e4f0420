"""What a type checker knows of class handlers, of blocking ones, of pydantic messages, and without async."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar, assert_type
from uuid import UUID

import pydantic

from diptych import (
    NEW,
    Application,
    Blame,
    BlockingApplication,
    Command,
    Generated,
    Module,
    Query,
    Refused,
    Result,
    RowEvent,
    Rows,
    Trial,
    blocking,
    change,
)
from diptych.ports import Record

M = TypeVar("M", contravariant=True)
R = TypeVar("R", covariant=True)
shop = Module("shop")


class CreateOrder(pydantic.BaseModel, Command[UUID]):
    model_config = pydantic.ConfigDict(frozen=True)
    order: Annotated[UUID, Generated] = NEW
    customer: str


class FindNames(pydantic.BaseModel, Query[Sequence[str]]):
    customer: str


@dataclass(frozen=True)
class Row:
    customer: str


class Handler(Protocol[M, R]):
    async def handle(self, message: M, /) -> R: ...


@shop.command
class CreateOrderHandler(Handler[CreateOrder, UUID | Refused]):
    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers

    async def handle(self, command: CreateOrder) -> UUID | Refused:
        return command.order


@shop.query
@dataclass(frozen=True)
class FindNamesHandler:
    rows: Rows[Row]

    async def handle(self, query: FindNames) -> Sequence[str]:
        return [row.customer for row in (await self.rows.find(customer=query.customer)).items]


@blocking
def slowly(query: FindNames, times: int) -> Sequence[str]:
    return [query.customer] * times


async def the_decorators_leave_what_they_decorate() -> None:
    assert_type(CreateOrderHandler({}), CreateOrderHandler)
    assert_type(await CreateOrderHandler({}).handle(CreateOrder(customer="a")), UUID | Refused)
    assert_type(slowly(FindNames(customer="a"), 2), Sequence[str])
    assert_type(change(CreateOrder(customer="a"), customer="b"), CreateOrder)


def a_facade_keeps_the_types_of_messages(app: Application, command_id: UUID) -> None:
    with app.blocking() as calls:
        assert_type(calls, BlockingApplication)
        result = calls.send(CreateOrder(customer="a"))
        assert_type(result, Result[UUID])
        assert_type(result.unwrap(), UUID)
        assert_type(calls.ask(FindNames(customer="a"), after=result), Sequence[str])
        assert_type(calls.try_(CreateOrder(customer="a")), Trial[UUID])
        assert_type(calls.receive("CreateOrder", b"{}"), Result[Any])
        assert_type(calls.outcome(command_id), Record | None)
        assert_type(calls.history.blame("row", "a"), Blame)
        assert_type(calls.history.versions("row", "a"), Sequence[RowEvent])
        assert_type(calls.call(app.head), int)
        calls.ask(CreateOrder(customer="a"))  # type: ignore[arg-type]  # a command is sent, not asked
        calls.call(app.outcome, "no id")  # type: ignore[arg-type]  # arguments are checked there too
