"""What rows in PostgreSQL keep beside the contract: through lost connections, swaps, replicas and narrow roles."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, make_dataclass, replace
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from conftest import ClusterOf
from diptych.errors import FencedError, SettingsError, StaleError, StatementError, StoreError, WiringError
from diptych.model.indexes import Index
from diptych.model.marks import Indexed, Scale
from diptych.model.projections import Projection, ReadModel
from diptych.model.specifications import fields
from diptych.ports import Changes, Checkpoint, EventStore, RowReader, RowWriter, Snapshot
from diptych.stores.memory import MemoryEventStore
from diptych.stores.postgres import rows_install, rows_save, rows_selects, rows_snapshots
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.postgres.rows_copies import FEWEST
from diptych.stores.postgres.rows_tables import fitting
from diptych.stores.urls import event_store, followed_log
from tests.clusters import NEWEST, Cluster, Database
from tests.read.shop import Created, GetProduct, ask, opened, record, shop

LOG = UUID(int=1)


@dataclass(frozen=True)
class Item:
    code: str
    name: Annotated[str, Indexed()]
    price: Annotated[Decimal, Scale(2)]
    group: str | None = None


item = fields(Item)
PEN = Item("a", "Pen", Decimal("1.50"))


def declared(*indexes: Index | str, version: int = 1, row: Any = Item) -> tuple[Projection, ReadModel[Any]]:
    projection = Projection("items", version=version)
    return projection, projection.read_model(row, key="code", name="item", indexes=indexes)


@pytest.fixture
def address(rows_database_of: Any) -> Address:
    database: Database = rows_database_of(NEWEST)
    return Address.of(database.url, schema=f"rows_{secrets.token_hex(6)}")


@asynccontextmanager
async def working(address: Address) -> AsyncIterator[tuple[PostgresRowStore, RowWriter, RowReader]]:
    async with PostgresRowStore(address) as store, store.writer() as writer, store.reader() as reader:
        yield store, writer, reader


async def installed(writer: RowWriter, projection: Projection, *, head: int = 0) -> Checkpoint:
    await writer.lease({projection.name: "f"}, seconds=60)
    mode: Any = {"log_id": LOG, "head": head, "mode": "production"}
    return (await writer.install([projection], {projection.name: f"{projection.version}"}, **mode))[projection.name]


def named(kind: type) -> type:
    return make_dataclass("Item", [("code", str), ("name", kind)], frozen=True)


def changes(model: ReadModel[Any], *rows: Any, position: int = 1) -> Changes:
    made = {model.key_of(each): each for each in rows}
    return Changes(model, made, dict.fromkeys(made, position))


async def end_sessions(address: Address) -> int:
    """End every session of a schema's stores, as a restart does."""
    admin = await asyncpg.connect(address.dsn)
    try:
        ended = await admin.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name like 'diptych%' and datname = current_database()"
        )
    finally:
        await admin.close()
    return len(ended)


async def test_a_reader_goes_on_after_its_connections_were_lost(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        select = sa.select(store.table(model).c.name)
        assert [tuple(each) for each in (await reader.select([select]))[0]] == [("Pen",)]

        assert await end_sessions(address) >= 3

        assert await reader.get(model, [("a",)]) == {("a",): PEN}
        assert [tuple(each) for each in (await reader.select([select, select]))[1]] == [("Pen",)]
        assert (await reader.checkpoints())["items"].position == 1


async def test_a_writer_that_loses_its_connection_in_a_save_says_so_and_goes_on(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection)
        admin = await asyncpg.connect(address.dsn)
        async with admin.transaction():
            await admin.execute(f"lock table {address.schema}.item__g1")
            saving = asyncio.create_task(writer.save(checkpoint, 1, [changes(model, PEN)]))
            waiting = "select count(*) from pg_locks where not granted"
            while not await admin.fetchval(waiting):  # noqa: ASYNC110 (it is the server that waits)
                await asyncio.sleep(0)
            await end_sessions(address)
            with pytest.raises(StoreError, match="connection to PostgreSQL was lost"):
                await saving
        await admin.close()

        again = await installed(writer, projection)
        assert again == checkpoint
        await writer.save(again, 1, [changes(model, PEN)])
        assert await reader.get(model, [("a",)]) == {("a",): PEN}


async def test_what_the_writer_changed_last_is_known_in_its_process_as_it_is_stored(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader), PostgresRowStore(address).reader() as other:
        checkpoint = await installed(writer, projection, head=2)
        for position in (1, 2, 7):  # a rebuild, its end, and a change
            checkpoint = await writer.save(checkpoint, position, [changes(model, PEN, position=position)])
            assert await reader.changed(["item"]) == await other.changed(["item"]) > 0
        assert store._known.sum(["item"]) == await other.changed(["item"])


async def test_what_others_may_have_changed_is_asked_for(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader), working(address) as (_, other, _):
        stale = await installed(writer, projection)
        checkpoint = await writer.save(stale, 1, [changes(model, PEN)])
        assert store._known.sum(["item"]) is not None
        with pytest.raises(FencedError):
            await writer.save(stale, 1, [changes(model, PEN)])
        assert store._known.sum(["item"]) is None
        await writer.save(checkpoint, 2, [changes(model, PEN, position=2)])
        assert store._known.sum(["item"]) is not None
        assert store._known.sum(["item", "view"]) is None

        await writer.lease({}, seconds=60)
        assert store._known.sum(["item"]) is None
        await other.save(await installed(other, projection, head=2), 3, [changes(model, PEN, position=3)])

        await writer.lease({projection.name: "f"}, seconds=60)
        assert await reader.changed(["item"]) % (1 << 44) == 3


async def test_what_is_being_changed_is_asked_for(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, _):
        checkpoint = await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        admin = await asyncpg.connect(address.dsn)
        async with admin.transaction():
            await admin.execute(f"lock table {address.schema}.item__g1")
            saving = asyncio.create_task(writer.save(checkpoint, 2, [changes(model, PEN, position=2)]))
            while not await admin.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 (it is the server that waits)
                await asyncio.sleep(0)
            assert store._known.sum(["item"]) is None
        await admin.close()
        await saving
        assert store._known.sum(["item"]) is not None


async def test_what_was_changed_is_not_known_beyond_the_lease(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, _):
        checkpoint = await installed(writer, projection)
        await writer.lease({projection.name: "f"}, seconds=0.0)
        await writer.save(checkpoint, 1, [changes(model, PEN)])

        assert store._known.sum(["item"]) is None


async def test_a_reader_outlives_new_generations_of_other_columns(address: Address) -> None:
    async with working(address) as (_, writer, reader):
        for version, kind in enumerate((int, str, float, int), start=1):
            projection, model = declared(version=version, row=named(kind))
            checkpoint = await installed(writer, projection, head=version)
            await writer.save(checkpoint, version, [changes(model, model.row("a", kind(7)))])
            row = sa.table("item", sa.column("code"), sa.column("name"))
            for _ in range(2):
                assert [tuple(each) for each in (await reader.select([sa.select(row)]))[0]] == [("a", kind(7))]
                assert [len(each) for each in await reader.select([sa.select(row)] * 2)] == [1, 1]


async def test_statements_of_a_reader_outlive_the_swap_of_a_generation(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        select = sa.select(store.table(model))
        for version in range(2, 6):
            assert await reader.get(model, [("a",), ("b",)]) == {("a",): PEN}
            assert [len(found) for found in await reader.select([select, select])] == [1, 1]
            projection, _ = declared("price", version=version)
            checkpoint = await installed(writer, projection, head=version)
            await writer.save(checkpoint, version, [changes(model, PEN)])


async def test_reads_beside_swaps_of_generations_never_fail(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        checkpoint = await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        table, swapping = store.table(model), True

        async def read() -> int:
            reads = 0
            while swapping:
                await reader.get(model, [("a",)])
                await reader.select([sa.select(sa.func.count()).select_from(table), sa.select(table)])
                reads += 1
            return reads

        readers = [asyncio.create_task(read()) for _ in range(4)]
        for version in range(2, 12):
            projection, _ = declared(version=version)
            checkpoint = await installed(writer, projection, head=checkpoint.position)
            checkpoint = await writer.save(checkpoint, version, [changes(model, PEN)])
        swapping = False

        assert min(await asyncio.gather(*readers)) > 0


async def test_a_snapshot_sees_no_table_that_was_made_after_it(address: Address) -> None:
    projection, model = declared()
    waiting = sa.select(sa.literal_column("'until the swap'"), sa.func.pg_advisory_xact_lock_shared(7).is_(None))
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        admin = await asyncpg.connect(address.dsn)
        await admin.execute("select pg_advisory_lock(7)")
        reading = asyncio.create_task(reader.select([waiting, sa.select(store.table(model).c.name)]))
        blocked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while not await admin.fetchval(blocked):  # noqa: ASYNC110 (it is the server that waits)
            await asyncio.sleep(0)
        checkpoint = await installed(writer, declared(version=2)[0], head=1)
        await writer.save(checkpoint, 1, [changes(model, replace(PEN, name="Pencil"))])
        await admin.close()

        assert [tuple(each) for each in (await reading)[1]] == [("Pencil",)]


async def test_a_snapshot_that_trusts_names_is_caught(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trusting(*_: Any) -> dict[str, int]:
        return {}

    monkeypatch.setattr(rows_snapshots, "_generations", trusting)

    with pytest.raises(AssertionError):
        await test_a_snapshot_sees_no_table_that_was_made_after_it(address)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('select "order" from t where "order" = $1', True),
        ("select a from t where a = '$1'", False),
        ('select a as "$1" from t where "b" = $1', False),
    ],
)
def test_what_only_looks_like_a_parameter_is_told_from_one(text: str, bare: bool) -> None:
    assert rows_selects._is_bare(text) is bare


async def test_several_selects_of_any_kind_run_on_one_snapshot(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        column = store.table(model).c
        plain = sa.select(column.name, column.price).where(column.code.in_(["a", "b"]))
        literal = sa.select(sa.literal_column("'$1'").label("text"), column.price).where(column.code == "a")
        array = sa.select(sa.func.array_agg(column.name)).where(column.price > Decimal(1))
        text = sa.text("select name, price from item where code = :code").bindparams(code="a")

        for statements in ((plain, plain), (plain, literal), (literal, array, plain), (text, plain)):
            found = await reader.select(statements)
            assert [[tuple(row) for row in rows] for rows in found] == [
                [tuple(row) for row in (await reader.select([each]))[0]] for each in statements
            ]
        assert found[0][0].price == PEN.price


async def test_more_values_than_a_statement_takes_are_a_mistake_and_no_lost_connection(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        column = store.table(model).c.code

        def among(count: int) -> Any:
            return sa.select(column).where(column.in_([*map(str, range(1, count)), "a"]))

        assert await reader.select([among(20_000), among(20_000)]) == [[("a",)], [("a",)]]
        with pytest.raises(StatementError, match="takes 32767 values in a statement, and it has 32768"):
            await reader.select([among(32_768)])


async def test_more_rows_than_a_message_holds_are_no_lost_connection(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection)
        monkeypatch.setattr(rows_save, "LARGEST", 150)

        with pytest.raises(ValueError, match=r"take \d+ bytes, and PostgreSQL takes 150"):
            await writer.save(checkpoint, 1, [changes(model, replace(PEN, name="é" * 80))])

        await writer.save(checkpoint, 1, [changes(model, replace(PEN, name="e" * 80))])
        assert (await reader.get(model, [("a",)]))["a",].name == "e" * 80


async def test_who_holds_a_read_model_keeps_it_from_being_replaced_and_is_told_of(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_install, "ATTEMPTS", 1)
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        admin = await asyncpg.connect(address.dsn)
        async with admin.transaction():
            await admin.fetch(f"select * from {address.schema}.item")  # noqa: S608 (a name of our own)
            with pytest.raises(StoreError, match=r"long transaction .* pg_stat_activity"):
                await installed(writer, declared(version=2)[0], head=1)

        assert await reader.get(model, [("a",)]) == {("a",): PEN}
        mine, its = f"{address.schema}.mine", f"{address.schema}.item"
        await admin.execute(f"create view {mine} as select name from {its}")  # noqa: S608 (names of our own)
        with pytest.raises(StoreError, match=r"view .*mine depends on view .*item"):
            await installed(writer, declared(version=2)[0], head=1)
        await admin.execute(f"drop view {address.schema}.mine")
        await admin.close()
        assert (await installed(writer, declared(version=2)[0], head=1)).generation == 2


async def test_a_zombie_whose_tables_are_gone_is_fenced(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, zombie, _):
        old = await installed(zombie, projection)
        await zombie.lease({}, seconds=60)
        async with store.writer() as writer:
            await installed(writer, declared(version=2)[0], head=1)

            with pytest.raises(FencedError):
                await zombie.save(old, 1, [changes(model, PEN)])


async def test_a_role_that_may_only_read_answers_queries(address: Address, rows_database_of: Any) -> None:
    projection, model = declared()
    database, role = rows_database_of(NEWEST), f"reader_{secrets.token_hex(4)}"
    async with working(address) as (_, writer, _):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
    database.sql(f"create role {role} login password '{role}'")
    database.sql(f"grant usage on schema {address.schema} to {role}")
    database.sql(f"grant select on all tables in schema {address.schema} to {role}")
    narrow = Address.of(database.cluster.url(database.name, user=role, password=role), schema=address.schema)
    try:
        async with PostgresRowStore(narrow) as store, store.reader() as reader:
            assert await reader.get(model, [("a",)]) == {("a",): PEN}
            assert (await reader.checkpoints())["items"].position == 1
            assert await reader.changed(["item"]) > 0
            async with store.writer() as writer:
                with pytest.raises(StoreError, match="permission denied"):
                    await writer.lease({"items": "f"}, seconds=60)
    finally:
        database.sql(f"drop owned by {role}")
        database.sql(f"drop role {role}")


async def test_a_role_that_may_not_make_the_tables_is_told(address: Address, rows_database_of: Any) -> None:
    database, role = rows_database_of(NEWEST), f"reader_{secrets.token_hex(4)}"
    database.sql(f"create role {role} login password '{role}'")
    narrow = Address.of(database.cluster.url(database.name, user=role, password=role), schema=address.schema)
    try:
        with pytest.raises(SettingsError, match="may not make them"):
            await PostgresRowStore(narrow).__aenter__()
    finally:
        database.sql(f"drop role {role}")


async def test_many_reads_by_key_at_once_are_gathered(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        rows = [Item(f"{number}", "x", Decimal(number)) for number in range(200)]
        await writer.save(await installed(writer, projection), 1, [changes(model, *rows)])

        found = await asyncio.gather(*(reader.get(model, [(f"{number}",), ("none",)]) for number in range(200)))

        assert found == [{(each.code,): each} for each in rows]


async def test_a_read_that_is_cancelled_leaves_the_others_their_answers(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (store, writer, reader):
        await writer.save(await installed(writer, projection), 1, [changes(model, PEN)])
        for _ in range(20):
            tasks = [asyncio.create_task(reader.get(model, [("a",)])) for _ in range(10)]
            tasks.append(asyncio.create_task(reader.select([sa.select(store.table(model))] * 2)))
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert [each for each in answers[1:10:2] if each != {("a",): PEN}] == []


def many(numbers: range, name: str) -> dict[tuple[str], Item]:
    return {(f"{number:05}",): Item(f"{number:05}", name, Decimal(number)) for number in numbers}


async def test_many_new_rows_come_by_copy_beside_those_that_change_and_go(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection, head=9)
        first, second = many(range(FEWEST * 2), "first"), many(range(FEWEST, FEWEST * 3), "second")
        gone = dict.fromkeys(list(first)[:10])
        for position, rows in enumerate((first, second | gone), start=1):
            await writer.load(model, list(rows))
            given = [Changes(model, rows, dict.fromkeys(rows, position))]
            new: Any = writer._new  # type: ignore[attr-defined]  # of this store
            _, copies = new.parted(projection.name, given)
            assert [len(each.rows) for each in copies] == [FEWEST * (3 - position)]
            await writer.load(model, list(rows))
            checkpoint = await writer.save(checkpoint, position, given)

        stored = (await reader.snapshot(projection)).rows["item"]
        assert stored == {key: row for key, row in (first | second).items() if key not in gone}


async def test_rows_that_were_to_be_copied_are_fenced_too(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        old = await installed(writer, projection, head=9)
        await writer.save(old, 1, [])
        rows = many(range(FEWEST), "zombie")
        await writer.load(model, list(rows))

        with pytest.raises(FencedError):
            await writer.save(old, 1, [Changes(model, rows, dict.fromkeys(rows, 1))])

        assert (await reader.snapshot(projection)).rows["item"] == {}


async def test_what_was_new_is_not_taken_for_new_again(address: Address) -> None:
    projection, model = declared()
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection, head=9)
        rows = many(range(FEWEST), "first")
        await writer.load(model, list(rows))
        for position in (1, 2):
            checkpoint = await writer.save(checkpoint, position, [Changes(model, rows, dict.fromkeys(rows, position))])

        assert (await reader.snapshot(projection)).rows["item"] == rows


async def test_a_save_that_breaks_in_its_copy_leaves_nothing(address: Address) -> None:
    projection, model = declared(Index("name", unique=True))
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection, head=9)
        rows = many(range(FEWEST), "twice")
        await writer.load(model, list(rows))

        with pytest.raises(asyncpg.UniqueViolationError):
            await writer.save(checkpoint, 1, [Changes(model, rows, dict.fromkeys(rows, 1))])

        assert (await reader.snapshot(projection)) == Snapshot(checkpoint, {"item": {}})
        await writer.save(checkpoint, 1, [changes(model, PEN)])


@pytest.mark.parametrize(
    ("index", "sql"),
    [
        (Index("-price", "name"), "(price DESC, name, code)"),
        (Index("group", "-name"), '("group" NULLS FIRST, name DESC, code)'),
        (Index("-group"), '("group" DESC NULLS LAST, code)'),
        (Index("name", covering="price"), "(name, code) INCLUDE (price)"),
        (Index("name", "code", unique=True), "(name, code)"),
        (Index("name", where=item.price > Decimal("0.125")), "(name, code) WHERE (price > 0.12)"),
        (
            Index("name", where=item.group.in_(["it's", "\\"]), covering="price"),
            "(name, code) INCLUDE (price) WHERE (\"group\" = ANY (ARRAY['it''s'::text, '\\'::text]))",
        ),
    ],
)
async def test_an_index_has_directions_conditions_and_what_it_covers(address: Address, index: Index, sql: str) -> None:
    projection, _ = declared(index)
    async with working(address) as (_, writer, _):
        await installed(writer, projection)
        admin = await asyncpg.connect(address.dsn)
        found = await admin.fetch("select indexdef from pg_indexes where schemaname = $1", address.schema)
        await admin.close()

    made = [each["indexdef"].partition(" USING btree ")[2] for each in found]
    assert sql in made, made


async def test_pages_and_partial_indexes_are_found(address: Address) -> None:
    projection, model = declared(Index("-group", "name", covering="price"), Index("name", where=item.group == "rare"))
    async with working(address) as (store, writer, reader):
        rows = [Item(f"{n}", f"name {n % 97}", Decimal(n), "rare" if n % 500 == 0 else None) for n in range(5000)]
        await writer.save(await installed(writer, projection, head=1), 1, [changes(model, *rows)])
        table = store.table(model)
        page = sa.select(table.c.name, table.c.price).order_by(
            table.c.group.desc().nulls_last(), table.c.name, table.c.code
        )
        rare = sa.select(table.c.code).where(table.c.group == "rare").order_by(table.c.name).limit(3)

        plans = [await planned(address, reader, each) for each in (page.limit(5), rare)]

    assert "item__by" in plans[0]
    assert "Sort" not in plans[0]
    assert "item__by" in plans[1]


async def planned(address: Address, reader: Any, select: Any) -> str:
    asked = reader._selects.asked(select)
    connection = await asyncpg.connect(address.dsn, server_settings={"search_path": address.schema})
    try:
        lines = await connection.fetch(f"explain {asked.text}", *asked.arguments)
    finally:
        await connection.close()
    return "\n".join(line for (line,) in lines)


async def test_names_that_postgresql_would_cut_off_are_told_apart(address: Address) -> None:
    projection = Projection("long")
    stem = "a" * 60
    models = [projection.read_model(Item, key="code", name=f"{stem}{end}", indexes=["price"]) for end in "bcd"]
    async with working(address) as (_, writer, reader):
        checkpoint = await installed(writer, projection)
        given = [changes(each, Item("k", each.name, Decimal(1))) for each in models]
        await writer.save(checkpoint, 1, given)

        assert [(await reader.get(each, [("k",)]))["k",].name for each in models] == [each.name for each in models]


def test_a_long_name_is_cut_alike_every_time_and_unlike_any_other() -> None:
    names = [f"{'é' * 40}{end}__g{generation}" for end in "ab" for generation in (1, 12)]

    assert len({fitting(name) for name in names}) == len(names)
    assert all(len(fitting(name).encode()) <= 63 for name in names)
    assert [fitting(fitting(name)) for name in names] == [fitting(name) for name in names]


async def test_a_field_may_have_any_name_that_statements_use(address: Address) -> None:
    row = make_dataclass("Item", [("code", str), ("k0", int), ("c0", int), ("held", int), ("wanted", int)], frozen=True)
    projection, model = declared(row=row)
    async with working(address) as (_, writer, reader):
        saved = await installed(writer, projection)
        kept = [row(code, 1, 2, 3, 4) for code in ("a", "b")]
        await writer.save(saved, 1, [changes(model, *kept)])

        assert await reader.get(model, [("a",), ("b",)]) == {("a",): kept[0], ("b",): kept[1]}
        assert await writer.matching(model, {"k0": 1}, after=("a",), limit=9) == {("b",): kept[1]}


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("pg_class", Item, "is taken in PostgreSQL"),
        ("migrations", Item, "is taken in PostgreSQL"),
        (
            "item",
            make_dataclass("Version", [("code", str), ("xmin", int)], frozen=True),
            "has a column 'xmin' of its own",
        ),
        ("item", make_dataclass("Item", [("code", str), ("a" * 64, int)], frozen=True), "is longer"),
    ],
)
def test_names_that_postgresql_cannot_have_are_refused(address: Address, name: str, row: Any, told: str) -> None:
    model = Projection("items").read_model(row, key="code", name=name)

    with pytest.raises(WiringError, match=told):
        PostgresRowStore(address).table(model)


@pytest.fixture(scope="module")
def followed(cluster_of: ClusterOf, rows_database_of: Any) -> Iterator[tuple[Database, Cluster]]:
    database = rows_database_of(NEWEST)
    replica = cluster_of(NEWEST).replica()
    yield database, replica
    replica.remove()


async def test_queries_on_a_replica_say_what_the_replica_holds(followed: tuple[Database, Cluster]) -> None:
    database, replica = followed
    schema = f"rows_{secrets.token_hex(6)}"
    url, store = f"{database.url}?schema={schema}&replica=127.0.0.1:{replica.port}", MemoryEventStore()
    async with opened(store, [shop()], path=url) as panel:
        first = await record(store, Created("a", "Apple", Decimal(1)))
        await panel.caught_up(first)
        assert (await ask(panel, GetProduct("a"), after=first)).name == "Apple"
        replica.sql("select pg_wal_replay_pause()")
        try:
            held = (await panel.checkpoints())["shop"].position
            second = await record(store, Created("b", "Banana", Decimal(1)))

            with pytest.raises(StaleError):
                await ask(panel, GetProduct("b"), after=second, wait=0.3)
            assert (await panel.checkpoints())["shop"].position == held
            assert (await panel.reach.position(["shop"])) < second
        finally:
            replica.sql("select pg_wal_replay_resume()")

        assert (await ask(panel, GetProduct("b"), after=second, wait=10)).name == "Banana"
        assert replica.sql("select count(*) from pg_stat_activity where application_name = 'diptych queries'") != "0"


@pytest.mark.parametrize("open_log", [event_store, followed_log])
async def test_a_log_on_a_replica_is_refused_with_what_to_name(
    followed: tuple[Database, Cluster], open_log: Callable[[str], EventStore]
) -> None:
    database, replica = followed
    async with event_store(database.url):
        pass
    primary = database.sql("select pg_current_wal_lsn()")
    while replica.sql(f"select pg_last_wal_replay_lsn() >= '{primary}'") != "t":
        pass

    with pytest.raises(StoreError, match=r"only reads .* is a replica; name the primary"):
        async with open_log(replica.url(database.name)):
            pass
