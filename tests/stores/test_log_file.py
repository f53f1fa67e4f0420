"""What the log keeps on disk: private files, a durable setting, one identity, a schema that is a promise, and proof."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from diptych.errors import CorruptionError, NotDurableError, SettingsError, StoreError
from diptych.model.criteria import Criteria
from diptych.stores.sqlite import connection
from diptych.stores.sqlite.connection import connect_writer, has_wal_reset_bug
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event, everything, record

SALE = UUID("0198c0de-0000-7000-8000-000000000001")
GOLDEN = Path(__file__).parent / "golden"


async def filled(path: Path) -> None:
    async with SqliteEventStore(path) as store:
        for n in range(10):
            await store.append(appending(event("named", f"n:{n}", "all:1"), event("other", "all:1"), record=record()))


def change(path: Path, statement: str) -> None:
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute(statement)
    raw.close()


def modes_of(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def proved(path: Path) -> int:
    async with SqliteEventStore(path) as store:
        return [position async for position in store.verify()][-1]


async def test_every_file_of_a_log_is_private(tmp_path: Path) -> None:
    async with SqliteEventStore(tmp_path / "log.db") as store:
        await store.append(appending(event()))

        modes = modes_of(tmp_path)

    assert {"log.db", "log.db-wal", "log.db-shm", "log.db-lock", "log.db-turn"} == set(modes)
    assert set(modes.values()) == {0o600}


async def test_a_log_keeps_its_identity_and_its_events(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteEventStore(path) as store:
        log_id = store.log_id
        await store.append(appending(event("named", "n:1")))

    async with SqliteEventStore(path) as store:
        assert store.log_id == log_id
        assert [each.tags for each in await everything(store)] == [("n:1",)]
        outcome = await store.append(appending(event("named", "n:1")))
        assert getattr(outcome, "first", None) == 2
    async with SqliteEventStore(tmp_path / "other.db") as other:
        assert other.log_id != log_id


async def test_a_log_tells_how_durable_it_is(tmp_path: Path) -> None:
    async with SqliteEventStore(tmp_path / "log.db") as store:
        told = await store.describe()

    assert (told["durable"], told["journal_mode"], told["synchronous"]) == (True, "wal", "FULL")
    assert told["wal_reset_bug"] == has_wal_reset_bug(sqlite3.sqlite_version_info)


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 54, 1), False),
    ],
)
def test_the_wal_reset_bug_is_known_by_version(version: tuple[int, int, int], bug: bool) -> None:
    assert has_wal_reset_bug(version) is bug


def test_a_file_that_does_not_take_the_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LEVELS", {"FULL": 3})  # as if the file said less than was asked for

    with pytest.raises(NotDurableError, match="wanted: wal, FULL"):
        connect_writer(tmp_path / "log.db")


async def test_a_log_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"^there is no folder {tmp_path / 'nowhere'}; make it"):
        await SqliteEventStore(tmp_path / "nowhere" / "log.db").__aenter__()


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    change(path, "create table theirs (a)")

    with pytest.raises(StoreError, match="not a log of Diptych"):
        await SqliteEventStore(path).__aenter__()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteEventStore(path).__aenter__()

    assert path.read_bytes().startswith(b"no database")


async def test_a_log_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, "update log set schema_version = 99")

    with pytest.raises(StoreError, match="newer"):
        await SqliteEventStore(path).__aenter__()


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    store = SqliteEventStore(tmp_path / "log.db")
    async with store:
        pass

    for use in (lambda: store.append(appending(event())), lambda: store.read(Criteria.all()), store.head):
        with pytest.raises(StoreError, match="is not open"):
            await use()


def test_a_forked_child_is_told_to_open_the_log_again(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys, warnings\n"
        "from pathlib import Path\n"
        "from diptych.errors import StoreError\n"
        "from diptych.stores.sqlite.events import SqliteEventStore\n"
        "from diptych.model.criteria import Criteria\n"
        "from diptych.testing.contract.material import appending, event\n"
        "async def main():\n"
        "    async with SqliteEventStore(Path(sys.argv[1])) as store:\n"
        "        await store.append(appending(event()))\n"
        "        child = os.fork()\n"
        "        if child == 0:\n"
        "            refused = 0\n"
        "            for use in (lambda: store.append(appending(event())), lambda: store.read(Criteria.all())):\n"
        "                try:\n"
        "                    await use()\n"
        "                except StoreError as error:\n"
        "                    refused += 'forked' in str(error)\n"
        "            os._exit(refused)\n"
        "        _, status = os.waitpid(child, 0)\n"
        "        await store.append(appending(event()))\n"
        "        print(os.waitstatus_to_exitcode(status), await store.head())\n"
        "asyncio.run(main())\n"
    )

    run = subprocess.run([sys.executable, "-c", script, str(tmp_path / "log.db")], capture_output=True, check=True)

    assert run.stdout.split() == [b"2", b"2"]


async def test_a_whole_log_is_proved(tmp_path: Path) -> None:
    await filled(tmp_path / "log.db")

    assert await proved(tmp_path / "log.db") == 20


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("update events set data = x'7b207d' where position = 7", "position 7 .named version 1. does not match"),
        ("update events set data = '{}' where position = 7", "position 7 does not hold bytes"),
        ("update events set metadata = x'7b7d' where position = 7", "position 7 .named version 1. does not match"),
        ("update events set metadata = 5 where position = 8", None),  # the same metadata by another way
        ("update events set type = 2 where position = 7", "position 7 .other version 1. does not match"),
        ("update events set tags = '[]' where position = 7", "position 7 "),
        ("delete from events where position = 7", "missing between 1 and 20"),
        ("update events set recorded_at = 1 where position = 7", "position 7 was recorded before"),
        ("delete from event_tags where position = 7 and tag = 2", "position 7 lacks a row"),
        ("insert into event_tags values (1, 1, 20)", "there are 31 tag rows, not 30"),
        ("update tags set tag = 'n:x' where tag = 'n:3'", "position 7 lacks a row"),
        ("update commands set position = 99", "names position 99"),
    ],
)
async def test_damage_is_found_and_its_position_is_named(tmp_path: Path, damage: str, told: str | None) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, damage)

    if told is None:
        assert await proved(path) == 20
    else:
        with pytest.raises(CorruptionError, match=told):
            await proved(path)


async def test_a_missing_position_stops_whoever_reads_everything(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await filled(path)
    change(path, "delete from events where position = 7")

    async with SqliteEventStore(path) as store:
        with pytest.raises(CorruptionError, match="missing"):
            await store.read(Criteria.all())


async def test_the_golden_log_of_version_1_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    shutil.copyfile(GOLDEN / "v1.db", path)

    async with SqliteEventStore(path) as store:
        events = await everything(store)
        kept = await store.record(SALE)

    assert await proved(path) == 4
    assert [(each.position, each.name, each.version, each.tags, each.data) for each in events] == [
        (1, "product.created", 1, ("product:85123A",), b'{"name":"WHITE HEART","price":"2.5500"}'),
        (2, "sale.made", 2, ("customer:Zo\u00eb", "sale:536365"), '{"customer":"Zo\u00eb","sale":"536365"}'.encode()),
        (3, "stock.moved", 1, ("product:85123A", "sale:536365"), b'{"product":"85123A","delta":-6}'),
        (4, "shop.closed", 1, (), b"{}"),
    ]
    assert {each.metadata for each in events[1:3]} == {b'{"actor":"ann"}'}
    assert kept is not None
    assert (kept.name, kept.position, kept.answer, kept.actor) == ("make.sale", 3, b'"536365"', "ann")
