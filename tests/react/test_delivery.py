"""Subscribers get events in the order of the log, by type or by stored name, with what they ask for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid5

import pytest

from diptych.application import Application
from diptych.errors import ReactionError
from diptych.injection import per_message
from diptych.model.marks import Tag
from diptych.model.meta import Context, Meta
from diptych.model.projections import Projection
from diptych.model.subscribers import Envelope, Subscriber
from diptych.react import handling
from diptych.read.rows import Rows
from diptych.testing.clock import FixedClock
from tests.react.listening import application, listening, moved, opened, until
from tests.write.domain import Moved, OpenAccount, Opened, bank


async def test_a_subscriber_hears_events_in_the_order_of_the_log() -> None:
    ears, heard = listening()
    async with application(ears) as app:
        await opened(app, *range(1, 300))
        await app.reacted()

    assert heard.amounts == list(range(1, 300))
    assert [each.position for each in heard.envelopes] == list(range(1, 301))


async def test_handlers_of_one_event_are_called_in_the_order_of_registration_one_after_the_other() -> None:
    calls: list[str] = []
    ears = Subscriber("ears")

    @ears.on
    async def first(event: Opened) -> None:
        calls.append("first begins")
        await asyncio.sleep(0)
        calls.append("first ends")

    @ears.on
    def second(event: Opened | Moved) -> None:
        calls.append(f"second {type(event).__name__}")

    async with application(ears) as app:
        await opened(app, 1)
        await app.reacted()

    assert calls == ["first begins", "first ends", "second Opened", "second Moved"]


async def test_a_decorator_returns_the_function() -> None:
    async def handler(event: Any) -> int:
        return 1

    assert Subscriber("ears").on("account.opened")(handler) is handler
    assert await handler(None) == 1


async def test_by_stored_name_a_known_event_comes_as_its_object_and_a_strange_one_as_json(tmp_path: Path) -> None:
    url, known, strange = f"sqlite:///{tmp_path}/bank.db", Subscriber("known", since="beginning"), list[Any]()
    other, seen = Subscriber("other", since="beginning"), list[Any]()

    @known.on("account.moved", "account.opened")
    async def objects(event: Any) -> None:
        seen.append(event)

    @other.on("account.moved")
    async def jsons(event: Mapping[str, Any], envelope: Envelope) -> None:
        strange.append((event, envelope.name, envelope.version))

    async with application(known, events=url) as app:
        account = await opened(app, 5)
        await app.reacted()
    async with Application(other, events=url) as app:
        await app.reacted()

    assert seen == [Opened(account, "ada"), Moved(account, 5)]
    assert strange == [({"account": str(account), "amount": 5}, "account.moved", 1)]


async def test_the_envelope_tells_all_that_is_known_and_its_id_is_that_of_the_event_for_ever(tmp_path: Path) -> None:
    url, command = f"sqlite:///{tmp_path}/bank.db", UUID(int=7)
    first, heard = listening("first")
    again, heard_again = listening("again", since="beginning")
    async with application(first, events=url, clock=FixedClock()) as app:
        result = await app.send(OpenAccount(owner="ada"), principal="ann", correlation=command)
        await app.reacted()
        log_id = app.store.log_id
    async with application(again, events=url) as app:
        await app.reacted()

    assert heard.envelopes == [
        Envelope(
            id=uuid5(log_id, "1"),
            position=1,
            name="account.opened",
            version=1,
            recorded_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
            actor="ann",
            command_id=result.command_id,
            correlation=command,
            attempt=1,
        )
    ]
    assert heard_again.envelopes == heard.envelopes


@dataclass
class Mailer:
    sent: list[str] = field(default_factory=list)


class Session:
    """What a handler has for one call."""

    def __init__(self, closed: list[str]) -> None:
        self.closed = closed


@dataclass
class Sessions:
    closed: list[str] = field(default_factory=list)


async def session(context: Context, sessions: Sessions) -> AsyncIterator[Session]:
    yield Session(sessions.closed)
    sessions.closed.append(context.principal or "")


async def test_a_handler_may_take_meta_context_and_what_is_provided_for_each_call() -> None:
    ears, told, mailer, sessions = Subscriber("ears"), list[Any](), Mailer(), Sessions()

    @ears.on
    async def hear(event: Opened, meta: Meta, mailer: Mailer, session: Session, context: Context) -> None:
        told.append((meta.position, meta.actor, context.command_id == meta.command_id, session.closed[:]))
        mailer.sent.append(event.owner)

    async with application(ears, provide=[mailer, sessions, per_message(session)]) as app:
        await app.send(OpenAccount(owner="ada"), principal="ann")
        await app.reacted()

    assert told == [(1, "ann", True, [])]
    assert (sessions.closed, mailer.sent) == (["ann"], ["ada"])


@dataclass(frozen=True, slots=True)
class Balance:
    account: Annotated[UUID, Tag("account")]
    amount: int


def balances(version: int = 1) -> Projection:
    projection = Projection("balances", version=version)
    rows = projection.read_model(Balance, key="account")

    @rows.on
    def begun(row: Balance | None, event: Opened) -> Balance:
        return Balance(event.account, 0)

    @rows.on
    def added(row: Balance, event: Moved) -> Balance:
        return Balance(row.account, row.amount + event.amount)

    return projection


async def test_rows_hold_the_event_that_is_handled() -> None:
    ears, seen = Subscriber("ears"), list[bool]()

    @ears.on
    async def hear(event: Moved, rows: Rows[Balance], envelope: Envelope) -> None:
        row = await rows.get(event.account)
        seen.append(row is not None and row.amount >= envelope.position - 1)

    async with Application(bank, balances(), ears) as app:
        await opened(app, *[1] * 50)
        await app.reacted()

    assert seen == [True] * 50


async def test_a_rebuild_of_a_read_model_fires_nothing(tmp_path: Path) -> None:
    url, (ears, heard) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with Application(bank, balances(), ears, events=url) as app:
        account = await opened(app, 1, 2)
        await app.reacted()
    for path in await asyncio.to_thread(lambda: list(tmp_path.glob("bank-reads.db*"))):
        path.unlink()

    async with Application(bank, balances(version=2), ears, events=url) as app:
        await app.caught_up()
        await app.reacted()
        assert heard.amounts == [1, 2]
        await moved(app, account, 3)
        await app.reacted()

    assert heard.amounts == [1, 2, 3]


async def test_a_handler_waits_for_rows_that_are_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handling, "_PATIENCE", 0.02)
    url, ears, seen = f"sqlite:///{tmp_path}/bank.db", Subscriber("ears"), list[int]()
    reached, free = threading.Event(), threading.Event()

    @ears.on
    async def hear(event: Moved, rows: Rows[Balance]) -> None:
        row = await rows.get(event.account)
        assert row is not None
        seen.append(row.amount)

    async with Application(bank, balances(), ears, events=url) as app:
        account = await opened(app, 1)
        await app.reacted()
    anew = balances(version=2)

    @anew.models[0].on
    def held(row: Balance, event: Moved) -> Balance:
        reached.set()
        free.wait()
        return row

    async with Application(bank, anew, ears, events=url) as app:
        await asyncio.to_thread(reached.wait)
        await moved(app, account, 2)
        await until(lambda: "subscriber 'ears' waits for balances to hold position 3" in caplog.text)
        assert seen == [1]
        free.set()
        await app.reacted()

    assert seen == [1, 3]


async def test_a_new_subscriber_starts_at_the_head_or_at_the_beginning_and_then_where_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bank.db"
    async with application(events=url) as app:
        account = await opened(app, 1, 2)
    (late, heard_late), (early, heard_early) = listening("late"), listening("early", since="beginning")
    async with application(late, early, events=url) as app:
        await moved(app, account, 3)
        await app.reacted()
    assert (heard_late.amounts, heard_early.amounts) == ([3], [1, 2, 3])

    async with application(events=url, subscribers="off") as app:
        await moved(app, account, 4)
    async with application(late, early, events=url) as app:
        await app.reacted()

    assert (heard_late.amounts, heard_early.amounts) == ([3, 4], [1, 2, 3, 4])


async def test_a_slow_handler_holds_neither_commands_nor_folds_nor_other_subscribers() -> None:
    slow, begun, free = Subscriber("slow"), asyncio.Event(), asyncio.Event()
    ears, heard = listening()

    @slow.on
    async def wait(event: Opened) -> None:
        begun.set()
        await free.wait()

    async with Application(bank, balances(), slow, ears) as app:
        account = await opened(app)
        await begun.wait()

        await moved(app, account, 1, 2, 3)
        await app.caught_up()
        await until(lambda: heard.amounts == [1, 2, 3])

        assert (await app.reactions.bookmarks())["slow"].position == 0
        free.set()
        await app.reacted()


async def test_a_subscriber_that_nothing_concerns_still_comes_along() -> None:
    ears = Subscriber("ears")

    @ears.on("nobody.ever.did")
    def hear(event: Any) -> None:
        raise AssertionError

    async with application(ears) as app:
        await opened(app, 1, 2, 3)
        await app.reacted()

        while (await app.reactions.bookmarks())["ears"].position < 4:  # stored when there is time
            await asyncio.to_thread(lambda: None)


async def test_who_waits_too_long_is_told_which_subscriber_is_late() -> None:
    slow, free = Subscriber("slow"), asyncio.Event()

    @slow.on
    async def wait(event: Opened) -> None:
        await free.wait()

    async with application(slow) as app:
        await opened(app)

        with pytest.raises(
            ReactionError, match=r"subscriber 'slow' stands at position 0: it has not come to 1 in time"
        ):
            await app.reacted(timeout=0.01)
