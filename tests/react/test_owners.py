"""One process runs a subscriber; another takes over when the first is gone."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from diptych.application import Application
from diptych.errors import CorruptionError, ReactionError, StorageFullError
from diptych.model.subscribers import Subscriber
from diptych.react.walker import LEASE_SECONDS, Walker
from diptych.stores.sqlite.bookmarks import SqliteBookmarks
from diptych.stores.sqlite.lock import FairLock
from tests.react.listening import application, listening, moved, opened, until
from tests.react.test_delivery import balances
from tests.write.domain import Opened, bank


async def test_of_two_applications_one_reacts_and_the_other_takes_over_when_it_closes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bank.db"
    (first, heard_first), (second, heard_second) = listening(), listening()
    async with application(first, events=url) as one:
        account = await opened(one, 1)
        await one.reacted()
        async with application(second, events=url) as other:
            await moved(other, account, 2)
            await other.reacted()
            assert (heard_first.amounts, heard_second.amounts) == ([1, 2], [])

            await one.__aexit__(None, None, None)
            await moved(other, account, 3)
            await other.reacted()

    assert (heard_first.amounts, heard_second.amounts) == ([1, 2], [3])


async def test_an_application_that_is_opened_again_reacts_again(tmp_path: Path) -> None:
    ears, heard = listening()
    app = application(ears, events=f"sqlite:///{tmp_path}/bank.db")
    for amount in (1, 2):
        async with app:
            await opened(app, amount)
            await app.reacted(timeout=5)

    assert heard.amounts == [1, 2]


async def test_two_processes_may_run_different_subscribers_of_one_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bank.db"
    (mail, mailed), (index, indexed) = listening("mail"), listening("index")
    async with application(mail, events=url) as one, application(index, events=url) as other:
        await opened(one, 1)
        await one.reacted()
        await other.reacted()

    assert mailed.amounts == indexed.amounts == [1]


async def test_with_subscribers_off_another_process_is_waited_for(tmp_path: Path) -> None:
    url, (ears, heard) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with application(ears, events=url), application(ears, events=url, subscribers="off") as app:
        await opened(app, 1, 2)

        await app.reacted()

    assert heard.amounts == [1, 2]


async def test_with_subscribers_off_nothing_is_taken_and_no_file_is_made(tmp_path: Path) -> None:
    ears, heard = listening()
    async with application(ears, events=f"sqlite:///{tmp_path}/bank.db", subscribers="off") as app:
        await opened(app, 1)
        assert await app.reactions.bookmarks() == {}
        with pytest.raises(ReactionError, match="it has not come to 2 in time"):
            await app.reacted(timeout=0.05)

    assert heard.events == []
    assert not [path for path in tmp_path.iterdir() if "subscribers" in path.name]  # noqa: ASYNC240 (a small folder)


async def test_a_held_file_of_bookmarks_holds_nobody_but_the_subscriber(tmp_path: Path) -> None:
    url, (ears, heard) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with Application(bank, balances(), ears, events=url) as app:
        account = await opened(app)
        await app.reacted()
        lock = FairLock(tmp_path / "bank-subscribers.db")
        with lock:
            await moved(app, account, *[1] * 20)
            await app.caught_up()
            await until(lambda: heard.amounts == [1])  # it is handled, and that cannot be stored

        await moved(app, account, 2)
        await app.reacted()
        lock.close()

    assert heard.amounts == [1] * 20 + [2]


async def test_an_application_without_subscribers_has_reacted(tmp_path: Path) -> None:
    async with application(events=f"sqlite:///{tmp_path}/bank.db") as app:
        await opened(app, 1)

        await app.reacted()


async def test_in_development_a_name_that_nothing_is_stored_under_is_told(caplog: pytest.LogCaptureFixture) -> None:
    ears = Subscriber("ears")

    @ears.on("acount.opened", "account.opened")
    def hear(event: object) -> None:
        """Hear nothing: the first name is misspelled."""

    async with application(ears, mode="dev"):
        pass

    told = [record.getMessage() for record in caplog.records if record.name == "diptych.subscribers"]
    assert told == [
        "subscriber 'ears' waits for events stored as 'acount.opened': no class is, and the log has none of them"
    ]


def test_the_same_subscriber_twice_is_one_and_the_same() -> None:
    ears, _ = listening()

    assert list(Application(bank, ears, ears).subscribers) == ["ears"]


def test_an_application_that_is_opened_again_in_another_loop_reacts_again() -> None:
    ears, heard = listening()
    app = application(ears)

    async def once() -> None:
        async with app:
            await opened(app, 1)
            await app.reacted()

    asyncio.run(once())
    asyncio.run(once())

    assert heard.amounts == [1, 1]


async def test_who_lost_a_subscriber_has_its_handler_cancelled_and_moves_nothing(tmp_path: Path) -> None:
    """As a process that slept through the end of its lease."""
    ears, begun, ended = Subscriber("ears"), asyncio.Event(), asyncio.Event()

    @ears.on
    async def hear(event: Opened) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async with (
        application(ears, events=f"sqlite:///{tmp_path}/bank.db") as app,
        SqliteBookmarks(tmp_path / "bank-subscribers.db") as thief,
    ):
        await opened(app)
        await begun.wait()
        with contextlib.closing(sqlite3.connect(tmp_path / "bank-subscribers.db")) as connection, connection:
            connection.execute("update bookmarks set expires = 0")
        stolen = await thief.take("ears", log_id=app.store.log_id, start=0, seconds=LEASE_SECONDS)

        await ended.wait()

        assert stolen is not None
        assert (stolen.epoch, stolen.position) == (2, 0)
        assert await thief.all() == {"ears": stolen}


async def test_what_was_handled_and_could_not_be_stored_is_stored_later_and_not_handled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (ears, heard), move, failed = listening(), SqliteBookmarks.move, list[int]()

    async def full(self: SqliteBookmarks, *arguments: Any) -> Any:
        if len(failed) < 2:
            failed.append(1)
            raise StorageFullError("the disk is full")
        return await move(self, *arguments)

    monkeypatch.setattr(SqliteBookmarks, "move", full)
    async with application(ears, events=f"sqlite:///{tmp_path}/bank.db") as app:
        await opened(app, 1, 2)
        await app.reacted()
        assert (await app.reactions.bookmarks())["ears"].position == 3

    assert heard.amounts == [1, 2]
    assert len(heard.events) == 3
    assert "subscriber 'ears' cannot go on now; trying again" in caplog.text


async def test_a_subscriber_that_cannot_go_on_for_ever_is_told_by_the_application(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (ears, _), wrong = listening(), CorruptionError("position 1 is missing")

    async def broken(self: Walker, when_failing: object) -> None:
        raise wrong

    monkeypatch.setattr(Walker, "advance", broken)
    async with application(ears) as app:
        await opened(app)
        with pytest.raises(ReactionError, match="'ears' stands at position 0"):
            await app.reacted()

        assert isinstance(app.failure, ExceptionGroup)
        assert app.failure.exceptions == (wrong,)
    assert "subscriber 'ears' ended: it handles nothing until a restart" in caplog.text
