"""Trails in memory, in a file and in PostgreSQL keep the same promises; all but the first outlive their process."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asyncpg.transaction import Transaction

from diptych.errors import StoreError
from diptych.ports import NEWEST, Attempt, AuditTrail, Trail, Wanted
from diptych.stores.memory_audit import MemoryAuditTrail
from diptych.stores.postgres import link
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.audit import PostgresAuditTrail
from diptych.stores.sqlite.audit import SqliteAuditTrail
from diptych.stores.urls import audit_beside
from tests.clusters import NEWEST as NEWEST_SERVER
from tests.clusters import OLDEST, Database
from tests.stores.unit_stores import ClusterOf

TOP = (NEWEST, NEWEST)
ALL = Wanted()


def attempt(at: int, **given: object) -> Attempt:
    told = {"id": UUID(int=at), "name": "Pay", "outcome": "refused", "at": at, "micros": 5, "principal": "ann"}
    return Attempt(**{**told, "reason": "no", **given})  # type: ignore[arg-type]  # as they are given


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def add(trail: AuditTrail, *attempts: Attempt, dropped: int = 0, keep: int = 100, since: int = 0) -> None:
    await trail.add(attempts, dropped=dropped, keep=keep, since=since)


async def times(
    trail: AuditTrail,
    wanted: Wanted = ALL,
    *,
    outcome: str | None = None,
    before: tuple[int, int] = TOP,
    limit: int = 100,
) -> list[int]:
    return [each.attempt.at for each in await trail.attempts(wanted, outcome=outcome, before=before, limit=limit)]


def in_schema_of(database: Database) -> PostgresAuditTrail:
    return PostgresAuditTrail(Address.of(database.url, schema="diptych"))


@pytest.fixture(params=["memory", "sqlite", OLDEST, NEWEST_SERVER])
async def trail(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> AsyncIterator[AuditTrail]:
    made: AuditTrail
    match request.param:
        case "memory":
            made = MemoryAuditTrail()
        case "sqlite":
            made = SqliteAuditTrail(tmp_path / "audit.db")
        case version:
            made = in_schema_of(cluster_of(version).database())
    async with made as opened:
        yield opened


async def test_an_attempt_comes_back_as_it_was(trail: AuditTrail) -> None:
    whole = attempt(7, correlation=UUID(int=1), causation=UUID(int=2), content=b'{"a":1}', reason="żółw \U0001f422")
    bare = attempt(8, principal=None)
    await add(trail, whole, bare)

    assert [each.attempt for each in await trail.attempts(ALL, outcome=None, before=TOP, limit=9)] == [bare, whole]
    assert list(await trail.of_command(whole.id)) == [whole]
    assert list(await trail.of_command(UUID(int=99))) == []


async def test_they_are_listed_newest_first_and_paged_without_gap_or_repetition(trail: AuditTrail) -> None:
    await add(trail, *(attempt(at) for at in (3, 1, 2, 2, 2, 4)))
    seen: list[int] = []
    before = TOP
    while page := await trail.attempts(ALL, outcome=None, before=before, limit=2):
        seen += [each.attempt.at for each in page]
        before = (page[-1].attempt.at, page[-1].number)

    assert seen == [4, 3, 2, 2, 2, 1]


async def test_they_are_chosen_by_name_principal_outcome_and_time(trail: AuditTrail) -> None:
    await add(
        trail, attempt(1), attempt(2, name="Open"), attempt(3, principal=None), attempt(4, outcome="failed"), attempt(5)
    )

    assert await times(trail, Wanted(name="Open")) == [2]
    assert await times(trail, Wanted(principal="ann")) == [5, 4, 2, 1]
    assert await times(trail, Wanted(since=4)) == [5, 4]
    assert await times(trail, outcome="failed") == [4]


async def test_the_newest_are_kept_and_none_that_is_too_old(trail: AuditTrail) -> None:
    await add(trail, *(attempt(at) for at in range(1, 11)), keep=4)
    assert await times(trail) == [10, 9, 8, 7]

    await add(trail, keep=4, since=9)
    assert await times(trail) == [10, 9]


async def test_what_was_dropped_adds_up(trail: AuditTrail) -> None:
    await add(trail, attempt(1), dropped=3)
    await add(trail, dropped=4)

    assert await trail.figures() == Trail(1, 7)


async def test_what_was_caused_is_found_by_its_cause_the_oldest_first(trail: AuditTrail) -> None:
    await add(trail, *(attempt(at, causation=UUID(int=at % 3)) for at in range(1, 9)), attempt(9))

    found = await trail.caused_by([UUID(int=1), UUID(int=2)], limit=4)

    assert [each.at for each in found] == [1, 2, 4, 5]


async def test_looking_makes_no_file(tmp_path: Path) -> None:
    async with SqliteAuditTrail(tmp_path / "audit.db") as trail:
        assert await times(trail) == []
        assert await trail.figures() == Trail(0, 0)

    assert files(tmp_path) == {}


async def test_a_file_outlives_its_store_and_is_its_users_alone(tmp_path: Path) -> None:
    for at in (1, 2):
        async with SqliteAuditTrail(tmp_path / "audit.db") as trail:
            await add(trail, attempt(at), dropped=1)

    async with SqliteAuditTrail(tmp_path / "audit.db") as trail:
        assert await times(trail) == [2, 1]
        assert await trail.figures() == Trail(2, 2)
    assert set(files(tmp_path).values()) == {0o600}


async def test_two_stores_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    async with SqliteAuditTrail(path) as first, SqliteAuditTrail(path) as second:
        await add(first, attempt(1))
        await add(second, attempt(2))

        assert await times(first) == await times(second) == [2, 1]


async def test_a_batch_that_cannot_be_stored_is_stored_not_at_all_and_the_next_one_is(tmp_path: Path) -> None:
    async with SqliteAuditTrail(tmp_path / "audit.db") as trail:
        await add(trail, attempt(1))
        with pytest.raises(StoreError):
            await add(trail, attempt(2), attempt(3, outcome=None))
        await add(trail, attempt(4))

        assert await times(trail) == [4, 1]


async def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    path.write_text("not a database, whatever it may be called\n" * 100)
    async with SqliteAuditTrail(path) as trail:
        with pytest.raises(StoreError):
            await add(trail, attempt(1))


async def test_it_stands_beside_the_log(tmp_path: Path) -> None:
    async with audit_beside(f"sqlite:///{tmp_path}/shop.db") as trail:
        await add(trail, attempt(1))

    assert (tmp_path / "shop-audit.db").exists()
    with sqlite3.connect(tmp_path / "shop-audit.db") as connection:
        assert connection.execute("select count(*) from attempts").fetchone() == (1,)
    connection.close()
    assert isinstance(audit_beside("memory://"), MemoryAuditTrail)


async def test_a_trail_in_postgresql_outlives_its_store_and_is_shared(postgres: Database) -> None:
    async with in_schema_of(postgres) as first, in_schema_of(postgres) as second:
        await add(first, attempt(1), dropped=1)
        await add(second, attempt(2), attempt(3))

    async with in_schema_of(postgres) as trail:
        assert await times(trail) == [3, 2, 1]
        assert await trail.figures() == Trail(3, 1)
        assert [each.number for each in await trail.attempts(ALL, outcome=None, before=TOP, limit=9)] == [3, 2, 1]


async def test_a_batch_that_postgresql_cannot_store_is_stored_not_at_all_and_the_next_one_is(
    postgres: Database,
) -> None:
    async with in_schema_of(postgres) as trail:
        await add(trail, attempt(1))
        with pytest.raises(StoreError):
            await add(trail, attempt(2), attempt(3, outcome=None), dropped=5)
        await add(trail, attempt(4))

        assert await times(trail) == [4, 1]
        assert await trail.figures() == Trail(2, 0)


async def test_what_no_text_of_postgresql_holds_holds_up_no_batch(postgres: Database) -> None:
    async with in_schema_of(postgres) as trail:
        await add(trail, attempt(1, reason="a\0b", principal="x\ud800"))

        assert [each.reason for each in await trail.of_command(UUID(int=1))] == ["a\ufffdb"]
        assert await times(trail, Wanted(principal="x\ud800")) == [1]


@pytest.mark.parametrize("before_the_commit", [True, False])
async def test_a_batch_whose_answer_was_lost_is_stored_once(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, before_the_commit: bool
) -> None:
    """Whoever hears StoreError sends it again, and whoever does not, not."""
    whole, connect, away = Transaction.commit, link.connect, iter(range(3))

    async def late(*given: Any, **named: Any) -> Any:
        if next(away, None) is not None:
            raise StoreError("no PostgreSQL answers")
        return await connect(*given, **named)

    async def lost(self: Any) -> None:
        if not before_the_commit:
            await whole(self)
        self._connection.terminate()
        raise ConnectionResetError

    async with in_schema_of(postgres) as trail:
        await add(trail, attempt(1))
        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "commit", lost)
            patched.setattr(link, "connect", late)
            if before_the_commit:
                with pytest.raises(StoreError):
                    await add(trail, attempt(2))
            else:
                await add(trail, attempt(2))

        assert await times(trail) == ([1] if before_the_commit else [2, 1])


async def test_a_trail_is_read_though_its_connection_was_lost(postgres: Database) -> None:
    async with in_schema_of(postgres) as trail:
        await add(trail, attempt(1))
        pid = await trail._link.read(lambda connection: connection.fetchval("select pg_backend_pid()"))
        postgres.sql(f"select pg_terminate_backend({pid})")

        assert await times(trail) == [1]
