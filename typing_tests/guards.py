"""A guard keeps its type, and what is told of commands has exact types."""

from typing import Any, assert_type

from diptych import (
    Application,
    Audit,
    ChangedRow,
    Command,
    CommandPage,
    Context,
    Module,
    NotAllowed,
    Query,
    SentCommand,
    Trace,
    TracedEvent,
)
from typing_tests.public_types import app
from typing_tests.shop import FindOrders, GetOrder

guarded = Module("guarded")


@guarded.guards
def known(message: GetOrder | FindOrders, context: Context) -> None:
    if context.principal is None:
        raise NotAllowed("say who you are")


@guarded.guards
async def all_of_them(message: Command[Any] | Query[Any]) -> None: ...


async def a_guard_keeps_its_type(context: Context) -> None:
    known(FindOrders(), context)
    known(FindOrders())  # type: ignore[call-arg]  # its context is missing
    await all_of_them(FindOrders())


async def what_is_told_has_exact_types() -> None:
    page = await app.audit.page(outcome="refused")
    assert_type(page, CommandPage)
    assert_type(page.commands, tuple[SentCommand, ...])
    trace = await app.trace(1)
    assert_type(trace, Trace)
    assert_type(trace.events, tuple[TracedEvent, ...])
    assert_type(trace.events[0].changes[0].rows, tuple[ChangedRow, ...])


def an_application_says_what_is_guarded_and_kept() -> None:
    Application(unguarded="refuse", audit=Audit(keep=10, content=repr))
    Application(audit=None)
    Application(unguarded="deny")  # type: ignore[arg-type]  # there is no such word
