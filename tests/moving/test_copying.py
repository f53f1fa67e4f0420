"""A log that moves is the same log: every event, every answer, and where everybody stood."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from diptych import CopyError, CorruptionError, SettingsError
from diptych.application.houses import copy_log, export_log, house
from diptych.errors import ForeignLogError
from diptych.moving.copying import Copied, copy
from diptych.moving.digest import Digest, digest_of
from diptych.moving.house import House
from diptych.moving.receiving import Receiver
from diptych.ports import Bookmark, Failure, Record, Skip, StoredEvent
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event, everything, record
from tests.clusters import Database
from tests.moving.kiosk import Ledger, Sell, application, sell, told

Url = Callable[[str], str]


@pytest.fixture
def url(tmp_path: Path) -> Url:
    return lambda name: f"sqlite:///{tmp_path}/{name}.db"


@pytest.fixture
async def old(url: Url) -> str:
    """A kiosk with 20 customers, whose ledger is written."""
    async with application(url("old"), Ledger()) as app:
        await sell(app, 20)
        await app.reacted()
    return url("old")


async def copied(source: str, target: str) -> Copied:
    return await copy_log(source, target, told)


async def digest(url: str) -> Digest:
    async with house(url, exists=True) as opened:
        return await digest_of(opened, "", told)


async def log(url: str) -> list[StoredEvent]:
    async with house(url, exists=True) as opened:
        return await everything(opened.log)


async def test_a_log_goes_to_postgres_and_back_and_is_the_same(old: str, url: Url, postgres: Database) -> None:
    there = await copied(old, postgres.url)
    back = await copied(postgres.url, url("back"))

    assert there.digest == back.digest == await digest(old) == await digest(url("back"))
    assert (there.digest.events, there.digest.records) == (16, 20)
    assert there.through == there.new_events == back.new_events == 16
    assert await log(url("back")) == await log(old)


async def test_a_copy_is_another_log(old: str, url: Url) -> None:
    done = await copied(old, url("new"))

    assert done.source != done.target
    async with house(url("new")) as opened:
        assert opened.log.log_id == done.target


async def test_a_retry_after_the_move_gets_the_answer_from_before(old: str, url: Url, postgres: Database) -> None:
    async with application(old, Ledger()) as app:
        before = [await app.send(Sell(f"paper-{n % 3}", n % 5), key=f"customer {n}", principal="ann") for n in (3, 5)]
    await copied(old, postgres.url)

    async with application(postgres.url, Ledger(), reads="memory://") as app:
        after = [await app.send(Sell(f"paper-{n % 3}", n % 5), key=f"customer {n}", principal="ann") for n in (3, 5)]
        assert [(each.value, each.position) for each in after] == [(each.value, each.position) for each in before]
        assert await app.head() == 16
        assert (await app.send(Sell("paper-0", 1))).position == 17


async def test_subscribers_go_on_where_they_stood(old: str, url: Url) -> None:
    ledger = Ledger()
    done = await copied(old, url("new"))

    async with application(url("new"), ledger) as app:
        await app.send(Sell("paper-1", 2))
        await app.reacted()

    assert done.subscribers == 1
    assert len(ledger.entries) == 1


async def test_a_delivery_has_the_same_id_in_every_house(old: str, url: Url) -> None:
    async with application(old, Ledger()).configured(subscribers="off") as app:
        await sell(app, 4, first=21)
    await copied(old, url("second"))
    await copied(url("second"), url("third"))

    here, there = Ledger(), Ledger()
    for ledger, where in ((here, old), (there, url("third"))):
        async with application(where, ledger) as app:
            await app.send(Sell("paper-1"))
            await app.reacted()

    assert len(here.entries) == len(there.entries) == 5
    assert here.entries[:4] == there.entries[:4]
    assert here.entries[4] != there.entries[4]  # sold here and there: two events


async def test_what_an_event_caused_is_told_after_the_move(old: str, url: Url) -> None:
    async with application(old, Ledger()) as app:
        cause = await app.trace(16)
        await app.send(Sell("paper-2"), causation=cause.events[0].id)
    await copied(old, url("new"))

    async with application(url("new"), Ledger()) as app:
        trace = await app.trace(16)

    assert trace.events[0].id == cause.events[0].id
    assert [each.events[0].position for each in trace.events[0].caused] == [17]


async def test_what_was_skipped_stays_skipped_and_what_fails_goes_on_failing(old: str, url: Url) -> None:
    async with house(old) as source:
        taken = await source.bookmarks.take("index", log_id=source.log.log_id, start=6, seconds=60)
        assert taken is not None
        await source.bookmarks.move(taken, 6, Failure(7, 3, "no"))
        skipped = await source.bookmarks.skip("index", 7, now=5)
        await source.bookmarks.move(skipped, 8, Failure(9, 2, "no"))

    done = await copied(old, url("new"))

    async with house(url("new")) as target:
        settled = await target.bookmarks.all()
        assert settled["index"] == Bookmark("index", 8, done.target, 0, Failure(9, 2, "no"))
        assert settled["writer"] == Bookmark("writer", 16, done.target, 0)
        assert list(await target.bookmarks.skips()) == [Skip("index", 7, 5, "no")]


async def test_a_copy_goes_on_where_it_ended_while_the_source_goes_on(old: str, url: Url) -> None:
    first = await copied(old, url("new"))
    async with application(old, Ledger()) as app:
        await sell(app, 10, first=20)
        await app.reacted()

    second = await copied(old, url("new"))

    assert (first.through, second.through, second.new_events) == (16, 24, 8)
    assert second.digest == await digest(old)
    async with house(url("new")) as opened:
        assert (await opened.bookmarks.all())["writer"].position == 24
    assert (await copied(old, url("new"))).new_events == 0


async def test_what_the_source_grows_by_meanwhile_is_told(old: str, url: Url) -> None:
    async with house(old) as source, house(url("new")) as target:
        growing: list[asyncio.Task[object]] = []

        def busy(what: str, done: int, total: int) -> None:
            if not growing:
                new = appending(event("paper.sold", data=b'{"paper":"x","copies":1}'), record=record(version=7))
                growing.append(asyncio.ensure_future(source.log.append(new)))

        done = await copy(source, target, busy)
        await growing[0]

    assert (done.through, done.ahead, done.digest.records) == (16, 1, 20)
    assert (await copied(old, url("new"))).digest == await digest(old)


async def test_who_has_handled_more_than_was_copied_stands_at_the_end_of_the_copy(old: str, url: Url) -> None:
    async with house(old) as source, house(url("new")) as target:
        receiver = Receiver(target, source.log.log_id, ())
        await receiver.begin(through=16)
        async for events in source.events(until=10):
            await receiver.take_events(events)
        ahead = Bookmark("mail", 14, source.log.log_id, 2, Failure(15, 1, "no"))
        behind = Bookmark("index", 9, source.log.log_id, 2, Failure(10, 1, "no"))

        await receiver.take_bookmarks([ahead, behind], [Skip("mail", 3, 5, "no"), Skip("mail", 12, 6, "no")])

        new = target.log.log_id
        assert await target.bookmarks.all() == {
            "mail": Bookmark("mail", 10, new, 0),
            "index": Bookmark("index", 9, new, 0, Failure(10, 1, "no")),
        }
        assert list(await target.bookmarks.skips()) == [Skip("mail", 3, 5, "no")]


async def test_an_empty_log_can_move(url: Url) -> None:
    async with application(url("old"), Ledger()):
        pass

    done = await copied(url("old"), url("new"))

    assert (done.through, done.digest.events, done.digest.records) == (0, 0, 0)
    async with application(url("new"), Ledger()) as app:
        assert (await app.send(Sell("paper-1"))).position == 1


class Interrupted(Exception):
    """The copy was killed."""


@pytest.mark.parametrize("moment", ["copying events", "copying records", "comparing: the source"])
async def test_an_application_opens_no_copy_that_is_not_whole(old: str, url: Url, moment: str) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == moment:
            raise Interrupted

    with pytest.raises(Interrupted):
        await copy_log(old, url("new"), stop)

    with pytest.raises(CopyError, match=r"unfinished copy of log .*, up to position 16 of it; end it with"):
        async with application(url("new"), Ledger()):
            pass
    assert (await copied(old, url("new"))).digest == await digest(old)
    async with application(url("new"), Ledger()) as app:
        assert await app.head() == 16


async def test_a_copy_that_is_not_whole_is_not_copied_on(old: str, url: Url, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        await copy_log(old, url("new"), stop)

    with pytest.raises(CopyError, match="unfinished copy"):
        await copied(url("new"), url("third"))
    with pytest.raises(CopyError, match="unfinished copy"):
        await export_log(url("new"), str(tmp_path / "new.gz"), told)


async def test_a_whole_copy_that_is_being_continued_is_closed_again(old: str, url: Url) -> None:
    await copied(old, url("new"))

    def stop(what: str, done: int, total: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        await copy_log(old, url("new"), stop)

    with pytest.raises(CopyError, match="unfinished"):
        async with application(url("new"), Ledger()):
            pass


async def test_a_log_of_its_own_is_not_written_over(old: str, url: Url) -> None:
    async with application(url("new"), Ledger()).configured(subscribers="off") as app:
        await sell(app, 3)

    with pytest.raises(CopyError, match="not empty: it holds 2 events and 3 records"):
        await copied(old, url("new"))


async def test_a_copy_on_which_an_application_ran_takes_nothing_more(old: str, url: Url) -> None:
    await copied(old, url("new"))
    async with application(url("new"), Ledger()).configured(subscribers="off") as app:
        await app.send(Sell("paper-1"))

    with pytest.raises(CopyError, match="was written after it was copied: it ends at position 17, its copy at 16"):
        await copied(old, url("new"))


async def test_an_application_that_was_open_before_the_copy_began_is_noticed_when_it_writes(
    old: str, url: Url, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.moving.house.PAGE", 4)
    sending: list[asyncio.Task[object]] = []
    async with application(url("new"), Ledger()).configured(subscribers="off") as app:

        def busy(what: str, done: int, total: int) -> None:
            if not sending:
                sending.append(asyncio.ensure_future(app.send(Sell("paper-1"))))

        with pytest.raises(CopyError, match=r"written after it was copied|has an event more|the copy is not equal"):
            await copy_log(old, url("new"), busy)
        await sending[0]


async def test_a_copy_whose_subscribers_ran_takes_nothing_more(old: str, url: Url) -> None:
    await copied(old, url("new"))
    async with application(url("new"), Ledger()):
        pass

    with pytest.raises(CopyError, match="subscriber 'writer' has run beside the copy"):
        await copied(old, url("new"))


async def test_a_command_without_events_that_only_the_copy_accepted_is_found(old: str, url: Url) -> None:
    await copied(old, url("new"))
    async with application(url("new"), Ledger()).configured(subscribers="off") as app:
        await app.send(Sell("paper-1", 0))

    with pytest.raises(CopyError, match=r"the record of command .* \(Sell\) is only in the copy"):
        await copied(old, url("new"))


async def test_a_copy_is_continued_from_its_own_source_only(old: str, url: Url) -> None:
    await copied(old, url("new"))
    async with application(url("other"), Ledger()) as app:
        await sell(app, 30)

    with pytest.raises(CopyError, match=r"is a copy of log .*, not of"):
        await copied(url("other"), url("new"))


async def test_a_log_is_not_copied_into_itself(old: str) -> None:
    with pytest.raises(CopyError, match="cannot be copied into itself"):
        await copied(old, old)


async def test_an_older_state_of_the_source_is_noticed(old: str, url: Url, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as whole, sqlite3.connect(tmp_path / "backup.db") as backup:
        whole.backup(backup)
    whole.close()
    backup.close()
    async with application(old, Ledger()) as app:
        await app.send(Sell("paper-1"))
    await copied(old, url("new"))

    with pytest.raises(CopyError, match="reaches to position 17, and its source only to 16"):
        await copied(url("backup"), url("new"))


async def test_bookmarks_of_a_foreign_log_are_not_made_our_own(old: str, url: Url, tmp_path: Path) -> None:
    async with application(url("other"), Ledger()) as app:
        await sell(app, 3)
        await app.reacted()
    (tmp_path / "old-subscribers.db").write_bytes((tmp_path / "other-subscribers.db").read_bytes())
    await copied(old, url("new"))

    with pytest.raises(ForeignLogError):
        async with application(url("new"), Ledger()) as app:
            await app.reacted()


async def test_a_damaged_event_is_named_and_not_copied(old: str, url: Url, tmp_path: Path) -> None:
    tamper(tmp_path / "old.db", "update events set data = cast(replace(data, 'paper-1', 'paper-7') as blob)")

    with pytest.raises(CorruptionError, match="the event at position 1 "):
        await copied(old, url("new"))


@pytest.mark.parametrize("target", ["memory://", "sqlite:///no/such/folder/shop.db"])
async def test_a_place_where_nothing_can_stay_is_refused(old: str, target: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot be moved|there is no folder"):
        await copied(old, target)


async def test_a_database_without_a_log_is_no_source_and_gets_none(postgres: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="are not there"):
        await copied(postgres.url, f"sqlite:///{tmp_path / 'new.db'}")

    assert postgres.sql("select count(*) from pg_namespace where nspname like 'diptych%'") == "0"


async def test_a_source_that_is_not_there_is_not_made(url: Url, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no log at"):
        await copied(url("typo"), url("new"))

    assert not [*tmp_path.glob("*")]  # noqa: ASYNC240 (a test may look)


class Losing(SqliteEventStore):
    """A planted bug: some of what arrives is changed or lost."""

    def __init__(self, path: Path, planted: str) -> None:
        super().__init__(path)
        self._planted = planted

    async def receive(self, events: Sequence[StoredEvent], records: Sequence[Record], **how: object) -> object:  # type: ignore[override]
        match self._planted:
            case "an answer":
                records = [replace(each, answer=b"0") for each in records]
            case "a position":
                records = [replace(each, position=max(0, each.position - 1)) for each in records]
            case "a record":
                records = records[1:]
            case "the time":
                events = [replace(each, recorded_at=each.recorded_at + 1) for each in events]
            case "an event":
                events = events[:-1]
        return await super().receive(events, records, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("planted", "told_as"),
    [
        ("an answer", r"the record of command .* \(Sell\) is another: answer differs"),
        ("a position", r"the record of command .* \(Sell\) is another: position differs"),
        ("a record", r"the record of command .* \(Sell\) is missing"),
        ("the time", r"the event at position 1 \(paper.sold version 1\) is another: recorded_at differs"),
        ("an event", r"the event at position 16 \(paper.sold version 1\) is missing"),
    ],
)
async def test_what_was_lost_on_the_way_is_found_and_named(
    old: str, tmp_path: Path, url: Url, planted: str, told_as: str
) -> None:
    async with house(old) as source, house(url("beside")) as beside, Losing(tmp_path / "new.db", planted) as log:
        with pytest.raises(CopyError, match=f"the copy is not equal to its source: {told_as}"):
            await copy(source, House(log, beside.bookmarks), told)

    with pytest.raises(CopyError, match="unfinished"):
        async with application(url("new"), Ledger()):
            pass


def tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
