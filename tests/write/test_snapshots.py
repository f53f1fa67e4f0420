"""Snapshots: a state is loaded from where it was saved when that is safe, and from all events when it is not."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import msgspec
import pytest

from diptych import Application, Command, DecisionModel, Module, Snapshots, StoreError, Tag, event
from diptych.ports import SavedState
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.snapshots import SqliteSnapshots
from diptych.write.saved import packed, unpacked
from tests.write.saving import (
    EVERY,
    Compare,
    CountJars,
    Empty,
    Fill,
    PutJar,
    Store,
    Tell,
    Weigh,
    cellar,
    filled,
    folded,
    kitchen,
    scales,
    shelves,
    told,
)

COLD = 0
"""Bytes for states in memory: with none, each command loads."""


def app_over(folder: Path, module: Module | None = None, **settings: Any) -> Application:
    return Application(
        module or kitchen(), shelves, events=f"sqlite:///{folder}/pots.db", reads="memory://", **settings
    )


def snapshot_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "snapshots" in path.name)


def snapshots_of(folder: Path) -> list[tuple[str, str, bytes]]:
    with closing(sqlite3.connect(folder / "pots-snapshots.db")) as connection:
        return connection.execute("select fold, tags, data from snapshots order by fold, tags").fetchall()


def change(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    """Change every saved state."""
    rows = [(damage(data), fold, tags) for fold, tags, data in snapshots_of(folder)]
    with closing(sqlite3.connect(folder / "pots-snapshots.db")) as connection, connection:
        connection.executemany("update snapshots set data = ? where fold = ? and tags = ?", rows)


def repacked(data: bytes, **other: Any) -> bytes:
    """Return a saved state that says something else, under a hash that fits."""
    found = unpacked(data)
    assert found is not None
    return packed(msgspec.structs.replace(found, **other))


def flipped(data: bytes, bit: int) -> bytes:
    at = bit % (8 * len(data))
    return data[: at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1 :]


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def restored(folder: Path, backup: Path) -> None:
    shutil.copy(backup, folder / "pots.db")


def backed_up(folder: Path) -> Path:
    return Path(shutil.copy(folder / "pots.db", folder / "backup.db"))


async def saved(app: Application, pot: str, position: int) -> None:
    """Return once the state of a pot is saved as of a position."""
    store = app._write.snapshots._store
    while position:
        data = await store.get("tests.write.saving.evolve", f'["pot:{pot}"]')
        found = unpacked(data) if data else None
        if found is not None and found.position >= position:
            return
        await asyncio.sleep(0)


def connections_of(app: Application) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Return the connections that read the log and the saved states in the thread of the loop."""
    log, snapshots = app.store, app._write.snapshots._store
    assert isinstance(log, SqliteEventStore)
    assert isinstance(snapshots, SqliteSnapshots)
    return log._pages()._connection, snapshots._open()[2]


@contextmanager
def folding() -> Iterator[Callable[[str], int]]:
    """Tell how many events a fold has seen since the beginning of the block."""
    before = folded.copy()
    yield lambda name: folded[name] - before[name]


async def seen(folder: Path, module: Module | None = None, pot: str = "salt") -> tuple[str, int]:
    """Return the state of a pot in a fresh process, and how many events were folded for it."""
    async with app_over(folder, module) as app:
        with folding() as count:
            return await told(app, Tell(pot)), count("pot")


async def made(folder: Path, times: int, module: Module | None = None, pot: str = "salt") -> str:
    """Fill a pot, and return its state as no snapshot has touched it."""
    async with app_over(folder, module) as app:
        await filled(app, pot, times)
    return (await seen(folder, kitchen(every=None), pot))[0]


class TestLoading:
    async def test_a_state_is_saved_after_so_many_events_and_loaded_from_there(self, tmp_path: Path) -> None:
        state = await made(tmp_path, 2 * EVERY + 1)

        assert await seen(tmp_path) == (state, 1)

    async def test_a_pot_of_fewer_events_is_not_saved(self, tmp_path: Path) -> None:
        state = await made(tmp_path, EVERY - 1)

        assert snapshots_of(tmp_path) == []
        assert await seen(tmp_path) == (state, EVERY - 1)

    async def test_what_comes_after_a_load_is_counted_on(self, tmp_path: Path) -> None:
        await made(tmp_path, EVERY + 2)
        await made(tmp_path, EVERY - 3)
        assert (await seen(tmp_path))[1] == EVERY - 1

        state = await made(tmp_path, 1)

        assert await seen(tmp_path) == (state, 0)

    async def test_events_that_were_there_before_snapshots_are_saved_by_the_first_load(self, tmp_path: Path) -> None:
        state = await made(tmp_path, 40, kitchen(every=None))

        assert await seen(tmp_path) == (state, 40)
        assert await seen(tmp_path) == (state, 0)

    async def test_a_state_of_more_pages_than_one_goes_on_from_where_it_was_saved(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await made(tmp_path, EVERY)
        state = await made(tmp_path, 3 * EVERY + 2, kitchen(every=None))
        monkeypatch.setattr("diptych.write.loading._PAGE", 3)

        assert await seen(tmp_path) == (state, 3 * EVERY + 2)

    async def test_without_room_in_memory_every_command_loads_from_there(self, tmp_path: Path) -> None:
        async with app_over(tmp_path, state_bytes=COLD) as app:
            with folding() as count:
                for number in range(1, 8 * EVERY):
                    await filled(app, "salt", 1)
                    await saved(app, "salt", number // EVERY * EVERY)

            assert count("pot") <= 8 * EVERY * (EVERY + 1)

    async def test_entities_of_one_decision_are_each_loaded_from_their_own(self, tmp_path: Path) -> None:
        for pot, times in (("salt", 2 * EVERY), ("oil", EVERY + 2), ("tea", 2)):
            await made(tmp_path, times, pot=pot)
        async with app_over(tmp_path, kitchen(every=None)) as app:
            wanted = await told(app, Compare(("salt", "oil", "tea", "none")))
        async with app_over(tmp_path) as app:
            assert await told(app, Compare(("salt", "oil", "tea", "none"))) == wanted
        with folding() as count:
            async with app_over(tmp_path) as app:
                assert await told(app, Compare(("salt", "oil", "tea", "none"))) == wanted

        assert count("fullest") == 2

    async def test_an_answer_without_events_is_about_one_moment_of_all_entities(self, tmp_path: Path) -> None:
        for pot in ("salt", "oil"):
            await made(tmp_path, EVERY, pot=pot)
        async with app_over(tmp_path) as app:
            await told(app, Compare(("salt", "oil")))
        async with app_over(tmp_path, state_bytes=COLD) as app:
            saved_states = app._write.snapshots._store
            asked, get = list[str](), saved_states.get

            async def after_both_are_filled(fold: str, tags: str) -> bytes | None:
                asked.append(tags)
                if asked == ['["pot:salt"]', '["pot:oil"]']:
                    for pot in ("salt", "oil"):
                        await app.send(Fill(pot, Decimal(100)))
                return await get(fold, tags)

            saved_states.get = after_both_are_filled  # type: ignore[method-assign]  # what is between two loads

            seen_together = await told(app, Compare(("salt", "oil")))

        assert seen_together == "{'salt': Decimal('100'), 'oil': Decimal('100')}"

    async def test_a_model_of_all_events_and_one_of_several_tags_are_loaded_from_there_too(
        self, tmp_path: Path
    ) -> None:
        async with app_over(tmp_path, cellar()) as app:
            for number in range(2 * EVERY + 1):
                (await app.send(Store("north", f"box {number % 2}"))).unwrap()
        async with app_over(tmp_path, cellar()) as app:
            with folding() as count:
                assert (await app.send(Store("north", "box 0"))).unwrap() == (2 * EVERY + 1, EVERY + 1)

        assert count("stored") == 4  # one for either load, and what was decided, for both

    async def test_an_aggregate_says_it_in_its_class_and_its_repository_loads_from_there(self, tmp_path: Path) -> None:
        async with app_over(tmp_path) as app:
            for _ in range(2 * EVERY + 1):
                (await app.send(PutJar("top"))).unwrap()

        async with app_over(tmp_path) as app:
            with folding() as count:
                assert (await app.send(CountJars("top"))).unwrap() == 2 * EVERY + 1
            assert count("jars") == 1

    async def test_a_load_takes_two_indexed_reads(self, tmp_path: Path) -> None:
        await made(tmp_path, 1, pot="oil")
        await made(tmp_path, EVERY)
        for news in (0, 1, 70):
            await made(tmp_path, news, kitchen(every=None))
            async with app_over(tmp_path, kitchen(every=1000)) as app:  # so that none is saved, either
                await told(app, Tell("oil"))  # which reads the types of events, once
                statements: list[str] = []
                for connection in connections_of(app):
                    connection.set_trace_callback(statements.append)
                await told(app, Tell("salt"))

            assert len(statements) == 2, statements
            assert all("where" in each for each in statements)


class TestForeignOnes:
    """None of these is used; each is written over in time."""

    @pytest.fixture
    async def state(self, tmp_path: Path) -> str:
        return await made(tmp_path, 3 * EVERY)

    async def test_another_version(self, tmp_path: Path, state: str) -> None:
        assert await seen(tmp_path, kitchen(version=2)) == (state, 3 * EVERY)
        assert await seen(tmp_path, kitchen(version=2)) == (state, 0)

    async def test_other_code(self, tmp_path: Path, state: str) -> None:
        change(tmp_path, lambda data: repacked(data, fingerprint="0" * 32))

        assert await seen(tmp_path) == (state, 3 * EVERY)
        assert await seen(tmp_path) == (state, 0)

    async def test_another_position(self, tmp_path: Path, state: str) -> None:
        for position in (1, 3 * EVERY - 1, 3 * EVERY + 1, 1 << 40):
            change(tmp_path, partial(repacked, position=position))

            assert await seen(tmp_path) == (state, 3 * EVERY)

    async def test_the_file_of_another_log(self, tmp_path: Path, state: str) -> None:
        (tmp_path / "other").mkdir()
        other = await made(tmp_path / "other", 2 * EVERY)
        swap(tmp_path / "pots-snapshots.db", tmp_path / "other" / "pots-snapshots.db")

        assert await seen(tmp_path) == (state, 3 * EVERY)
        assert await seen(tmp_path / "other") == (other, 2 * EVERY)
        assert await seen(tmp_path) == (state, 0)

    async def test_a_snapshot_of_what_a_restored_log_no_longer_holds(self, tmp_path: Path, state: str) -> None:
        backup = backed_up(tmp_path)
        await made(tmp_path, 2 * EVERY)
        restored(tmp_path, backup)

        assert await seen(tmp_path) == (state, 3 * EVERY)

    async def test_a_snapshot_of_a_past_that_a_restored_log_left(self, tmp_path: Path, state: str) -> None:
        """Whatever comes at the positions of the lost events, even the same command with the same key."""
        backup = backed_up(tmp_path)
        async with app_over(tmp_path) as app:
            for number in range(EVERY):
                await app.send(Fill("salt", Decimal(7)), key=f"again {number}")
        restored(tmp_path, backup)
        async with app_over(tmp_path, kitchen(every=None)) as app:
            await app.send(Empty("salt"))
            for number in range(1, EVERY):
                await app.send(Fill("salt", Decimal(7)), key=f"again {number}")
            cold = await told(app, Tell("salt"))

        assert cold != state
        assert await seen(tmp_path) == (cold, 4 * EVERY)


class TestDamage:
    @pytest.fixture
    async def state(self, tmp_path: Path) -> str:
        return await made(tmp_path, 2 * EVERY)

    async def test_a_flipped_bit_changes_nothing_but_time(self, tmp_path: Path, state: str) -> None:
        for bit in (0, 200, 1001, 2000):
            change(tmp_path, partial(flipped, bit=bit))

            assert await seen(tmp_path) == (state, 2 * EVERY)
            assert await seen(tmp_path) == (state, 0)

    @pytest.mark.parametrize("kept", [0, 1, 15, 16, 17, 100])
    async def test_a_truncated_one_is_not_used(self, tmp_path: Path, state: str, kept: int) -> None:
        change(tmp_path, lambda data: data[:kept])

        assert await seen(tmp_path) == (state, 2 * EVERY)

    async def test_a_file_that_is_deleted_is_made_again(self, tmp_path: Path, state: str) -> None:
        for name in snapshot_files(tmp_path):
            (tmp_path / name).unlink()

        assert await seen(tmp_path) == (state, 2 * EVERY)
        assert await seen(tmp_path) == (state, 0)

    async def test_a_file_that_is_no_database_is_told_of_once(
        self, tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "pots-snapshots.db").write_bytes(b"nothing of the kind " * 1000)

        async with app_over(tmp_path, state_bytes=COLD) as app:
            for _ in range(3):
                assert await told(app, Tell("salt")) == state

        assert [each.getMessage()[:26] for each in caplog.records if each.levelno >= logging.WARNING] == [
            "snapshots cannot be opened"
        ]

    async def test_a_table_that_is_gone_costs_no_command_anything(
        self, tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with app_over(tmp_path, state_bytes=COLD) as app:
            with closing(sqlite3.connect(tmp_path / "pots-snapshots.db")) as connection:
                connection.execute("drop table snapshots")
            for _ in range(3):
                assert await told(app, Tell("salt")) == state
            await filled(app, "salt", EVERY)

        told_of = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert [text.split(";")[0] for text in told_of] == ["snapshots cannot be read", "snapshots cannot be written"]


class TestKeeping:
    async def test_an_application_without_snapshots_makes_no_file(self, tmp_path: Path) -> None:
        plain = Application(kitchen(every=None), events=f"sqlite:///{tmp_path}/pots.db", reads="memory://")
        async with plain as app:
            await filled(app, "salt", 3 * EVERY)

        assert snapshot_files(tmp_path) == []

    async def test_in_memory_they_serve_as_long_as_the_application(self) -> None:
        async with Application(kitchen(), state_bytes=COLD) as app:
            await filled(app, "salt", EVERY)
            await saved(app, "salt", EVERY)
            with folding() as count:
                await told(app, Tell("salt"))

        assert count("pot") == 0

    async def test_an_application_opens_again_in_another_loop(self, tmp_path: Path) -> None:
        app = app_over(tmp_path)
        for _ in range(2):
            async with app:
                await filled(app, "salt", EVERY)

        assert (await seen(tmp_path))[1] == 0

    async def test_a_state_that_json_does_not_bring_back_is_told_of_once_and_not_saved(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(EVERY):
            async with app_over(tmp_path, scales()) as app:
                await app.send(Weigh("salt"))
                await app.send(Weigh("oil"))
        told_of = {each.getMessage() for each in caplog.records}
        assert len(caplog.records) == EVERY  # one for each process
        assert {text.partition(";")[0] for text in told_of} == {
            "snapshots of tests.write.saving.reading cannot be written"
        }
        assert all("Expected `float`, got `null` - at `$.shown`" in text for text in told_of)
        assert snapshots_of(tmp_path) == []

        async with app_over(tmp_path, scales()) as app:
            await app.send(Weigh("salt"))

        assert len(snapshots_of(tmp_path)) == 1

    async def test_what_is_tried_leaves_no_snapshot(self, tmp_path: Path) -> None:
        async with app_over(tmp_path) as app:
            await filled(app, "salt", EVERY - 1)
            await app.try_(Fill("salt", Decimal(1)))

        assert snapshots_of(tmp_path) == []


class Stuck(SqliteSnapshots):
    """A disk that fails every write."""

    async def put(self, states: Sequence[SavedState]) -> None:
        raise StoreError(f"the disk of {len(states)} states is gone")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        raise StoreError("it cannot be closed either")


async def test_a_disk_that_fails_is_told_of_once_and_fails_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("diptych.stores.urls.SqliteSnapshots", Stuck)
    state = await made(tmp_path, 10 * EVERY)

    assert await seen(tmp_path, kitchen(every=None)) == (state, 10 * EVERY)
    words = [each.getMessage().split(";")[0] for each in caplog.records if each.levelno >= logging.WARNING]
    assert words[:2] == ["snapshots cannot be written", "snapshots cannot be closed"]


class Hanging(SqliteSnapshots):
    """A disk that never answers a write."""

    async def put(self, states: Sequence[SavedState]) -> None:
        if states:
            await asyncio.Event().wait()


async def test_an_application_waits_for_its_snapshots_in_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.stores.urls.SqliteSnapshots", Hanging)
    monkeypatch.setattr("diptych.write.snapshots._PATIENCE", 0.01)

    async with asyncio.timeout(10):
        state = await made(tmp_path, 2 * EVERY)

    assert await seen(tmp_path) == (state, 2 * EVERY)


async def test_what_comes_while_too_many_wait_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.write.snapshots._WAITING", 2)
    pots = [f"pot {number}" for number in range(6)]
    async with app_over(tmp_path, kitchen(every=None)) as app:
        for pot in pots:
            await filled(app, pot, EVERY)
    async with app_over(tmp_path) as app:
        await told(app, Compare(tuple(pots)))  # all loaded at once, before anything can be saved

    assert len(snapshots_of(tmp_path)) == 2


PotId = Annotated[str, Tag("pot")]


@event("pot.washed")
@dataclass(frozen=True)
class Washed:
    pot: PotId


@event("pot.used", version=2)
@dataclass(frozen=True)
class Used:
    pot: PotId


@dataclass(frozen=True)
class Wash(Command[None]):
    pot: PotId


@dataclass(frozen=True)
class Use(Command[None]):
    pot: PotId


def sink() -> Module:
    """Uses of old were washed at once, so that whoever counts washings reads uses, too; those of today are not."""
    made = Module("sink")
    washings = DecisionModel(wash_once_more, initial=int, tag="pot", snapshots=Snapshots(every=EVERY))

    @made.upcasts("pot.used", version=1)
    def split(old: Mapping[str, Any]) -> tuple[Used, Washed]:
        return Used(old["pot"]), Washed(old["pot"])

    @made.decides(count=washings.one(lambda command: command.pot))
    def wash(command: Wash | Use, count: int) -> Iterator[Washed | Used]:
        yield Washed(command.pot) if isinstance(command, Wash) else Used(command.pot)

    return made


def wash_once_more(count: int, event: Washed) -> int:
    return count + 1


async def test_a_state_that_no_event_made_yet_costs_no_other_its_snapshot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with app_over(tmp_path, sink(), state_bytes=COLD) as app:
        for _ in range(EVERY + 1):
            await app.send(Use("never washed"))
            await app.send(Wash("often washed"))

    assert [tags for _, tags, _ in snapshots_of(tmp_path)] == ['["pot:often washed"]']
    assert not caplog.records
