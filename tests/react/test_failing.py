"""A handler that raises makes its subscriber stand, visibly, until it returns or somebody skips the event."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from diptych.errors import FoldError, ForeignLogError, ReactionError
from diptych.model.subscribers import Envelope, Subscriber
from diptych.ports import Skip
from diptych.react.signal import Signal
from diptych.read.rows import Rows
from diptych.testing.clock import NOON, FixedClock
from tests.react.listening import NOW, application, failing_at, listening, moved, opened, until
from tests.react.test_delivery import Balance, balances
from tests.write.domain import Moved, Opened

LOGGER = "diptych.subscribers"


def failing(times: int, name: str = "picky", **options: float | tuple[float, ...]) -> tuple[Subscriber, list[int]]:
    """Return a subscriber that refuses its first events so often, and the attempts that it saw."""
    subscriber, attempts = Subscriber(name, **{"backoff": NOW, **options}), list[int]()  # type: ignore[arg-type]

    @subscriber.on
    async def hear(event: Moved, envelope: Envelope) -> None:
        attempts.append(envelope.attempt)
        if len(attempts) <= times:
            raise ValueError("no mail today")

    return subscriber, attempts


async def test_an_event_is_delivered_again_until_its_handler_returns(caplog: pytest.LogCaptureFixture) -> None:
    picky, attempts = failing(3)
    async with application(picky) as app:
        await opened(app, 1, 2)

        await app.reacted()

        assert (await app.reactions.bookmarks())["picky"].failure is None
    assert attempts == [1, 2, 3, 4, 1]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told == [
        f"subscriber 'picky' fails, attempt {number}: event 2 (account.moved@1): ValueError: no mail today"
        for number in (1, 2, 3)
    ]


class Speechless(Exception):
    """An error that cannot be told."""

    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError("no file caf\udce9.txt"), r"FileNotFoundError: no file caf\udce9.txt"),
        (ValueError("cut\0short"), r"ValueError: cut\x00short"),
        (Speechless(), "Speechless: (it cannot be shown)"),
    ],
)
async def test_whatever_an_error_says_its_event_is_delivered_again(tmp_path: Path, error: Exception, told: str) -> None:
    ears, heard = Subscriber("ears", backoff=NOW), list[int]()

    @ears.on
    async def hear(event: Opened, envelope: Envelope) -> None:
        heard.append(envelope.attempt)
        if len(heard) == 1:
            raise error
        failure = (await app.reactions.bookmarks())["ears"].failure
        reasons.append(failure.error.partition("\n")[0] if failure else "none")

    reasons = list[str]()
    async with application(ears, events=f"sqlite:///{tmp_path}/bank.db") as app:
        await opened(app)
        await app.reacted()

    assert heard == [1, 2]
    assert reasons == [f"event 1 (account.opened@1): {told}"]


async def test_handlers_that_returned_are_not_called_again_with_one_that_raised() -> None:
    ears, calls = Subscriber("ears", backoff=NOW), list[str]()

    @ears.on
    async def first(event: Opened) -> None:
        calls.append("first")

    @ears.on
    async def second(event: Opened) -> None:
        calls.append("second")
        if len(calls) < 4:
            raise ValueError

    @ears.on
    async def third(event: Opened) -> None:
        calls.append("third")

    async with application(ears) as app:
        await opened(app)
        await app.reacted()

    assert calls == ["first", "second", "second", "second", "third"]


async def test_a_subscriber_stands_where_it_fails_and_others_go_on() -> None:
    stuck, _ = failing(1000, backoff=(60.0,))
    ears, heard = listening()
    async with application(stuck, ears) as app:
        await opened(app, 1, 2, 3)
        await until(lambda: heard.amounts == [1, 2, 3])
        await failing_at(app, "picky")

        with pytest.raises(ReactionError, match=r"'picky' stands at position 1: event 2 .*ValueError: no mail today"):
            await app.reacted(timeout=0.01)
        bookmark = (await app.reactions.bookmarks())["picky"]

    assert bookmark.position == 1
    assert bookmark.failure is not None
    assert (bookmark.failure.position, bookmark.failure.attempts) == (2, 1)
    assert "ValueError: no mail today" in bookmark.failure.error
    assert "in hear" in bookmark.failure.error


async def test_attempts_are_counted_on_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bank.db"
    stuck, attempts = failing(2, backoff=(0.0, 60.0))
    async with application(stuck, events=url) as app:
        await opened(app, 1)
        await until(lambda: attempts == [1, 2])

    async with application(stuck, events=url) as app:
        await app.reacted()

    assert attempts == [1, 2, 3]


async def test_a_cancellation_that_nobody_asked_for_is_a_failure() -> None:
    ears, tries = Subscriber("ears", backoff=NOW), list[int]()

    @ears.on
    async def hear(event: Opened) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise asyncio.CancelledError

    async with application(ears) as app:
        await opened(app)
        await app.reacted()

    assert len(tries) == 2


async def test_an_event_that_fails_can_be_skipped_beside_the_running_subscriber(tmp_path: Path) -> None:
    url, (stuck, attempts) = f"sqlite:///{tmp_path}/bank.db", failing(1, backoff=(60.0,))
    async with application(stuck, events=url) as app:
        await opened(app, 1, 2)
        await until(lambda: attempts == [1])
        async with application(stuck, events=url, subscribers="off", clock=FixedClock()) as other:
            await failing_at(other, "picky")
            await other.reactions.skip("picky", 2)

            await app.reacted()
            (skip,) = await other.reactions.skips()

    assert attempts == [1, 1], "the event after the one that was skipped"
    assert skip == Skip("picky", 2, int(NOON.timestamp()) * 1_000_000, skip.error)
    assert "no mail today" in skip.error


async def test_an_event_that_does_not_fail_cannot_be_skipped() -> None:
    ears, _ = listening()
    async with application(ears) as app:
        await opened(app, 1)
        await app.reacted()

        with pytest.raises(ReactionError, match="it does not fail; only the event at which it fails can be skipped"):
            await app.reactions.skip("ears", 2)


async def test_a_stored_event_that_no_class_reads_makes_a_subscriber_stand(tmp_path: Path) -> None:
    ears, _ = listening(backoff=(60.0,))
    async with application(ears, events=f"sqlite:///{tmp_path}/bank.db") as app:
        app.codec._readers.pop(("account.opened", 1))
        await opened(app)

        await failing_at(app, "ears")

        with pytest.raises(ReactionError, match=r"UnreadableEventError: no class reads 'account.opened' version 1"):
            await app.reacted(timeout=0)


async def test_rows_that_stopped_make_their_subscriber_stand() -> None:
    ears, broken = Subscriber("ears", backoff=(60.0,)), balances()

    @broken.models[0].on
    def breaks(row: Balance, event: Moved) -> Balance:
        raise ValueError("cannot fold")

    @ears.on
    async def hear(event: Moved, rows: Rows[Balance]) -> None:
        raise AssertionError("the row is not there")

    async with application(broken, ears) as app:
        await opened(app, 1)
        await failing_at(app, "ears")

        failure = (await app.reactions.bookmarks())["ears"].failure

    assert failure is not None
    assert FoldError.__name__ in failure.error
    assert "cannot fold" in failure.error


async def test_closing_cancels_a_handler_in_flight_and_its_event_comes_again(tmp_path: Path) -> None:
    url, ears, begun, ended = f"sqlite:///{tmp_path}/bank.db", Subscriber("ears"), asyncio.Event(), list[str]()

    @ears.on
    async def hear(event: Opened) -> None:
        try:
            if not begun.is_set():
                begun.set()
                await asyncio.get_running_loop().create_future()
            ended.append("handled")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async with application(ears, events=url) as app:
        await opened(app)
        await begun.wait()
    assert ended == ["cancelled"]

    async with application(ears, events=url) as app:
        await app.reacted()

    assert ended == ["cancelled", "handled"]


async def test_a_bookmark_of_another_log_is_refused_at_start(tmp_path: Path) -> None:
    url, (ears, _) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with application(ears, events=url) as app:
        await opened(app, 1)
        await app.reacted()
    for path in await asyncio.to_thread(lambda: list(tmp_path.glob("bank.db*"))):
        path.unlink()

    with pytest.raises(ForeignLogError, match=r"subscriber 'ears' stands at position 2 of log .* with head 0"):
        await application(ears, events=url).__aenter__()


async def test_a_bookmark_beyond_the_end_of_a_rewound_log_is_refused_at_start(tmp_path: Path) -> None:
    url, (ears, _) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with application(events=url) as app:
        account = await opened(app, 1)
    saved = await asyncio.to_thread((tmp_path / "bank.db").read_bytes)
    async with application(ears, events=url) as app:
        await moved(app, account, 2, 3)
        await app.reacted()
    await asyncio.to_thread((tmp_path / "bank.db").write_bytes, saved)

    with pytest.raises(ForeignLogError, match=r"stands at position 4 .* with head 2; restore the log"):
        await application(ears, events=url).__aenter__()


async def test_a_signal_that_was_taken_before_looking_is_not_missed() -> None:
    signal = Signal()
    taken = signal.next()

    signal.give()

    assert taken.is_set()
    assert not signal.next().is_set()
