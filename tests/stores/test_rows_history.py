"""The row store keeps every version of a row with history, by position."""

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.errors import FencedError
from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import Changes, Checkpoint, RowReader, RowStore, RowWriter, Version
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.sqlite.rows_history import history_of, past_of
from tests.row_stores import EVERY, POSTGRES, row_store
from tests.sizes import size
from tests.stores.test_rows import install, thing


@dataclass(frozen=True, slots=True)
class Stock:
    code: str
    shelf: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Move:
    code: str
    pieces: int


def declared(version: int = 1, mark: str = "") -> tuple[Projection, ReadModel[Stock], ReadModel[Move]]:
    projection = Projection(f"stock{mark}", version=version)
    stock = projection.read_model(Stock, key=("code", "shelf"), name=f"stock{mark}", history=True)
    return projection, stock, projection.append_only(Move, name=f"moves{mark}")


def changed(model: ReadModel[Any], *versions: tuple[Key, int, Any]) -> Changes:
    rows = {key: row for key, _, row in versions}
    return Changes(model, rows, {key: position for key, position, _ in versions}, versions)


@pytest.fixture(params=EVERY)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    async with row_store(request, request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def writer(store: RowStore) -> AsyncIterator[RowWriter]:
    async with store.writer() as opened:
        yield opened


@pytest.fixture
async def reader(store: RowStore) -> AsyncIterator[RowReader]:
    async with store.reader() as opened:
        yield opened


A, B = ("a", 1), ("b", 2)


def pieces(key: Key, count: int) -> Stock:
    return Stock(key[0], key[1], count)


async def three_batches(writer: RowWriter) -> tuple[ReadModel[Stock], ReadModel[Move]]:
    projection, stock, moves = declared()
    at = await install(writer, projection)
    at = await writer.save(at, 5, [changed(stock, (A, 2, pieces(A, 1)), (B, 3, pieces(B, 9)), (A, 4, pieces(A, 2)))])
    at = await writer.save(at, 7, [changed(stock, (A, 6, None)), Changes(moves, {(6, 0): Move("a", -2)}, {(6, 0): 6})])
    last = [changed(stock, (A, 8, pieces(A, 5)), (A, 8, pieces(A, 6)), (B, 9, None), (A, 10, pieces(A, 7)))]
    await writer.save(at, 10, last)
    return stock, moves


async def test_a_row_is_read_as_it_was_at_any_position(writer: RowWriter, reader: RowReader) -> None:
    stock, _ = await three_batches(writer)

    found = [(await reader.get(stock, [A], as_of=at)).get(A) for at in range(12)]

    counts = [None, None, 1, 1, 2, 2, None, None, 6, 6, 7, 7]
    assert found == [count and pieces(A, count) for count in counts]
    assert await reader.get(stock, [A, B], as_of=8) == {A: pieces(A, 6), B: pieces(B, 9)}
    assert await reader.get(stock, [("x", n) for n in range(150)] + [A], as_of=2) == {A: pieces(A, 1)}


async def test_versions_are_told_in_order_with_deletions_and_page_by_page(writer: RowWriter, reader: RowReader) -> None:
    stock, _ = await three_batches(writer)
    told = [Version(2, pieces(A, 1)), Version(4, pieces(A, 2)), Version(6, None), Version(8, pieces(A, 6))]
    told.append(Version(10, pieces(A, 7)))

    assert await reader.versions(stock, A) == told
    assert await reader.versions(stock, B) == [Version(3, pieces(B, 9)), Version(9, None)]
    assert await reader.versions(stock, ("c", 3)) == []
    for after in range(12):
        for until in range(12):
            for limit in (1, 2, 3, 9):
                expected = [each for each in told if after < each.position <= until][:limit]
                assert await reader.versions(stock, A, after=after, until=until, limit=limit) == expected


async def test_append_only_rows_are_there_from_their_position_on(writer: RowWriter, reader: RowReader) -> None:
    _, moves = await three_batches(writer)

    assert await reader.get(moves, [(6, 0)], as_of=5) == {}
    assert await reader.get(moves, [(6, 0)], as_of=6) == {(6, 0): Move("a", -2)}
    assert await reader.versions(moves, (6, 0)) == [Version(6, Move("a", -2))]


async def test_append_only_rows_from_before_there_was_history_get_their_past(tmp_path: Path) -> None:
    async with SqliteRowStore(tmp_path / "rows.db") as store, store.writer() as writer, store.reader() as reader:
        _, moves = await three_batches(writer)
        with contextlib.closing(store._writing()) as database, database.write() as connection:
            connection.execute('drop view "moves__h"')

        await install(writer, declared()[0], head=10)

        assert await reader.get(moves, [(6, 0)], as_of=6) == {(6, 0): Move("a", -2)}


STATEMENTS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda t: sa.select(t.c.code, t.c.pieces),
    "count": lambda t: sa.select(sa.func.count()).select_from(t),
    "alias": lambda t: sa.select(t.alias("x")),
    "subquery": lambda t: sa.select(sa.select(t).where(t.c.pieces > 0).subquery()),
    "in": lambda t: sa.select(t.c.code).where(t.c.code.in_(sa.select(t.alias("y").c.code))),
    "exists": lambda t: sa.select(t.c.code).where(sa.exists().where(t.alias("y").c.shelf == t.c.shelf)),
    "scalar": lambda t: sa.select(sa.select(sa.func.sum(t.c.pieces)).scalar_subquery()),
    "self join": lambda t: sa.select(t.c.code).join(other := t.alias("o"), other.c.shelf != t.c.shelf),
    "union": lambda t: sa.union_all(sa.select(t.c.code), sa.select(t.alias("z").c.code)).order_by("code").limit(9),
    "own cte": lambda t: sa.select(sa.select(t).cte("mine")),
    "most": lambda t: sa.select(t.c.code).where(
        t.c.pieces == sa.select(sa.func.max(t.alias("m").c.pieces)).scalar_subquery()
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_select_reads_its_tables_as_of_a_position_wherever_it_names_them(
    writer: RowWriter, reader: RowReader, store: RowStore, name: str
) -> None:
    projection, stock, _ = declared()
    statement = STATEMENTS[name](store.table(stock))
    at = await install(writer, projection)
    seen = []
    for position, version in enumerate([(A, pieces(A, 1)), (B, pieces(B, 2)), (A, pieces(A, 3)), (A, None)], start=1):
        at = await writer.save(at, position, [changed(stock, (version[0], position, version[1]))])
        seen.append(sorted(map(tuple, (await reader.select([statement]))[0])))

    past = [sorted(map(tuple, (await reader.select([statement], as_of=p))[0])) for p in range(1, 5)]

    assert past == seen
    assert seen[0] != seen[1] or seen[1] != seen[2]


async def test_a_new_generation_begins_without_versions(writer: RowWriter, reader: RowReader) -> None:
    stock, _ = await three_batches(writer)
    projection, newer, _ = declared(version=2)

    at = await install(writer, projection, head=10)
    assert await reader.versions(stock, A) == []
    await writer.save(at, 10, [changed(newer, (A, 2, pieces(A, 1)))])

    assert await reader.versions(newer, A) == [Version(2, pieces(A, 1))]


async def test_history_given_up_is_dropped(writer: RowWriter, reader: RowReader, store: RowStore) -> None:
    await three_batches(writer)
    assert {name for name in await relations(store, reader) if "__h" in name} == {
        "stock__g1__h",
        "stock__h",
        "moves__h",
    }
    without = Projection("stock", version=2)
    without.read_model(Stock, key=("code", "shelf"), name="stock")

    await install(writer, without, head=10)

    assert not [name for name in await relations(store, reader) if "__h" in name]


async def relations(store: RowStore, reader: RowReader) -> list[str]:
    """Return the names of the tables and views of a store."""
    if isinstance(store, SqliteRowStore):
        catalog = sa.table("sqlite_master", sa.column("name"))
        statement = sa.select(catalog.c.name)
    else:
        catalog = sa.table("tables", sa.column("table_name"), sa.column("table_schema"), schema="information_schema")
        here = catalog.c.table_schema == sa.func.current_schema()
        statement = sa.select(catalog.c.table_name).where(here)
    return [name for (name,) in (await reader.select([statement]))[0]]


async def test_a_save_that_is_refused_leaves_no_version(writer: RowWriter, reader: RowReader) -> None:
    projection, stock, _ = declared()
    stale = await install(writer, projection)
    await writer.save(stale, 1, [changed(stock, (A, 1, pieces(A, 1)))])

    with pytest.raises(FencedError):
        await writer.save(stale, 2, [changed(stock, (A, 2, pieces(A, 2)))])

    assert await reader.versions(stock, A) == [Version(1, pieces(A, 1))]


async def test_every_kind_of_column_has_a_past(writer: RowWriter, reader: RowReader, store: RowStore) -> None:
    projection = Projection("things")
    model = projection.read_model(type(thing()), key=("id", "place"), history=True, indexes=[("day", "name")])
    first = thing(label="x")
    second = replace(first, name="other", parts=())
    key = model.key_of(first)

    await writer.save(await install(writer, projection), 2, [changed(model, (key, 1, first), (key, 2, second))])

    assert await reader.get(model, [key], as_of=1) == {key: first}
    table = store.table(model)
    statement = sa.select(table.c.name, table.c.double, table.c.at).where(table.c.day == first.day)
    assert (await reader.select([statement], as_of=1))[0] == [(first.name, first.double, first.at)]
    assert (await reader.select([statement], as_of=2))[0] == [("other", first.double, first.at)]


async def test_the_past_of_a_key_is_searched_for_and_never_scanned(tmp_path: Path) -> None:
    projection, stock, moves = declared()
    async with SqliteRowStore(tmp_path / "rows.db") as store, store.writer() as writer:
        await install(writer, projection)
    history = history_of(stock, 1)
    assert history is not None
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        for statement in (past_of(stock).one, past_of(stock).versions, past_of(moves).one, history.close):
            bound = (
                dict.fromkeys(("k0", "k1", "position", "after", "until", "limit"), 1) if ":" in statement else (1,) * 5
            )
            plan = [str(row[3]) for row in connection.execute(f"explain query plan {statement}", bound)]
            assert plan
            assert not [step for step in plan if step.startswith("SCAN")], plan


@pytest.mark.parametrize("store", POSTGRES, indirect=True)
async def test_the_past_of_a_key_in_postgres_is_searched_for_and_never_scanned(
    store: RowStore, writer: RowWriter, reader: RowReader
) -> None:
    stock, moves = await three_batches(writer)
    assert isinstance(store, PostgresRowStore)

    with store.watched() as watch:
        await reader.get(stock, [A, B], as_of=8)
        await reader.get(moves, [(6, 0)], as_of=8)
        await reader.versions(stock, A, after=2)

    plans = await watch.plans()
    assert len(plans) == 3
    assert [plan for plan in plans if plan.whole] == []


NUMBERS = itertools.count()
"""What tells the read models of one example from those of the others."""
Batches = Sequence[Sequence[tuple[str, int, int | None]]]
steps = st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.none() | st.integers(0, 3))


@settings(max_examples=size(100, full=1_000), deadline=None)
@given(batches=st.lists(st.lists(steps, max_size=6), max_size=5))
async def test_the_past_is_what_the_present_was_then(batches: Batches) -> None:
    async with SqliteRowStore(None) as store, store.writer() as writer, store.reader() as reader:
        await compared(store, writer, reader, batches)


@settings(max_examples=size(15, full=300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(steps, max_size=6), max_size=5))
@pytest.mark.parametrize("store", POSTGRES, indirect=True)
async def test_the_past_in_postgres_is_what_the_present_was_then(
    store: RowStore, writer: RowWriter, reader: RowReader, batches: Batches
) -> None:
    await compared(store, writer, reader, batches, mark=f"_{next(NUMBERS)}")


async def compared(store: RowStore, writer: RowWriter, reader: RowReader, batches: Batches, mark: str = "") -> None:
    """Save batches of changes; at every position, ask for the past and hold it to what the present was."""
    projection, stock, _ = declared(mark=mark)
    present: dict[Key, Stock] = {}
    seen: list[dict[Key, Stock]] = [{}]
    at: Checkpoint = await install(writer, projection)
    for batch in batches:
        versions = []
        for code, gap, count in batch:
            key = (code, 1)
            seen += [dict(present)] * gap
            present.pop(key, None)
            if count is not None:
                present[key] = pieces(key, count)
            seen[-1] = dict(present)
            versions.append((key, len(seen) - 1, present.get(key)))
        seen.append(dict(present))
        at = await writer.save(at, len(seen) - 1, [changed(stock, *versions)] if versions else [])
    table = store.table(stock)

    for position, rows in enumerate(seen):
        found = (await reader.select([sa.select(table)], as_of=position))[0]
        assert sorted(map(tuple, found)) == sorted((r.code, r.shelf, r.pieces) for r in rows.values())
        assert await reader.get(stock, [("a", 1), ("b", 1)], as_of=position) == rows
    assert await reader.get(stock, [("a", 1), ("b", 1)]) == present
