"""The row store keeps rows, change feed and checkpoints together, for one owner at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from diptych.errors import FencedError, ForeignLogError, StoreError, WiringError
from diptych.model.indexes import Index
from diptych.model.marks import Indexed, Scale, Unique
from diptych.model.projections import Projection, ReadModel
from diptych.model.rows import computed
from diptych.ports import Changes, Checkpoint, Fed, RowReader, RowStore, RowWriter
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.row_stores import EVERY, row_store

LOG = UUID(int=1)
Money = Annotated[Decimal, Scale(4)]


class Kind(Enum):
    BOOK = "book"
    PEN = "pen"


@dataclass(frozen=True, slots=True)
class Part:
    code: str
    weight: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: UUID
    place: int
    name: Annotated[str, Indexed()]
    label: Annotated[str | None, Unique()] = None
    price: Money
    discount: Money | None = None
    at: datetime
    day: date
    kind: Kind
    ok: bool
    ratio: float
    parts: tuple[Part, ...] = ()
    exact: Decimal = Decimal(0)

    @computed
    def double(self) -> Money:
        return self.price * 2


def thing(number: int = 1, **changed: Any) -> Thing:
    fields = {
        "id": UUID(int=number),
        "place": number,
        "name": f"thing {number}",
        "price": Decimal("12.5"),
        "at": datetime(2011, 10, 6, 12, 30, 0, 5, tzinfo=UTC),
        "day": date(2011, 10, 6),
        "kind": Kind.PEN,
        "ok": True,
        "ratio": 0.25,
        "parts": (Part("a", Decimal("1.50")),),
        "exact": Decimal("1.10"),
    }
    return Thing(**(fields | changed))


def declared(version: int = 1) -> tuple[Projection, ReadModel[Thing]]:
    projection = Projection("things", version=version)
    return projection, projection.read_model(Thing, key=("id", "place"), indexes=[("day", "name")])


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


async def install(
    writer: RowWriter, projection: Projection, *, head: int = 0, code: str = "f", **options: Any
) -> Checkpoint:
    await writer.lease({projection.name: code}, seconds=60)
    given = {"log_id": LOG, "mode": "production"} | options
    return (await writer.install([projection], {projection.name: code}, head=head, **given))[projection.name]


def changes(model: ReadModel[Thing], *things: Thing, position: int = 1) -> Changes:
    rows = {model.key_of(each): each for each in things}
    return Changes(model, rows, dict.fromkeys(rows, position))


@dataclass(frozen=True)
class Sale:
    id: int
    day: Annotated[date, Indexed()]


@dataclass(frozen=True)
class SaleByDay:
    day: date
    total: int


async def test_a_read_model_is_called_as_an_index_of_another_might_be(writer: RowWriter, reader: RowReader) -> None:
    projection = Projection("sales")
    projection.read_model(Sale, key="id", indexes=[("day", "id"), Index("-day")])
    days = [projection.read_model(SaleByDay, key="day", name=f"sale_by_day{end}") for end in ("", "_and_id")]

    await writer.save(
        await install(writer, projection),
        1,
        [
            Changes(each, {(date(2011, 1, 4),): SaleByDay(date(2011, 1, 4), 5)}, {(date(2011, 1, 4),): 1})
            for each in days
        ],
    )

    assert [len(await reader.get(each, [(date(2011, 1, 4),)])) for each in days] == [1, 1]


async def test_a_row_comes_back_as_it_was_saved(writer: RowWriter, reader: RowReader) -> None:
    projection, model = declared()
    checkpoint = await install(writer, projection)
    saved = thing(label="x", discount=Decimal("-0.0001"))

    await writer.save(checkpoint, 1, [changes(model, saved)])

    key = model.key_of(saved)
    assert await reader.get(model, [key]) == {key: saved}
    assert await reader.get(model, [key, (UUID(int=2), 2)]) == {key: saved}


async def test_times_are_kept_in_utc_and_sort_as_text(store: RowStore, writer: RowWriter, reader: RowReader) -> None:
    projection, model = declared()
    checkpoint = await install(writer, projection)
    later = datetime(2011, 10, 6, 23, tzinfo=timezone(timedelta(hours=5)))
    await writer.save(
        checkpoint, 1, [changes(model, thing(1), thing(2, at=later), thing(3, at=later - timedelta(days=9)))]
    )
    table = store.table(model)

    (found,) = await reader.select([sa.select(table.c.at).order_by(table.c.at)])

    assert [at for (at,) in found] == sorted(at for (at,) in found)
    assert found[-1].at == later
    assert found[-1].at.utcoffset() == timedelta(0)


async def test_selects_read_typed_columns_computed_ones_included(
    store: RowStore, writer: RowWriter, reader: RowReader
) -> None:
    projection, model = declared()
    checkpoint = await install(writer, projection)
    await writer.save(checkpoint, 1, [changes(model, thing(1), thing(2, price=Decimal("0.0001"), kind=Kind.BOOK))])
    column = store.table(model).c

    dear, total = await reader.select(
        [
            sa.select(column.double, column.kind, column.parts).where(column.price > Decimal("0.5"), column.ok),
            sa.select(sa.func.sum(column.price * column.place)),
        ]
    )

    assert [tuple(row) for row in dear] == [(Decimal(25), Kind.PEN, (Part("a", Decimal("1.50")),))]
    assert total[0][0] == Decimal("12.5002")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda column: column.price * column.price,
        lambda column: column.price / 2,
        lambda column: column.exact > 1,
        lambda column: column.exact.desc(),
        lambda column: column.parts == (),
    ],
)
async def test_what_sql_would_get_wrong_is_refused(store: RowStore, wrong: Callable[[Any], Any]) -> None:
    _, model = declared()

    with pytest.raises(TypeError):
        wrong(store.table(model).c)


@pytest.mark.parametrize(
    "row",
    [
        thing(price=Decimal("0.00001")),
        thing(price=Decimal(10) ** 20),
        thing(at=datetime(2011, 1, 1)),  # noqa: DTZ001 (the point)
        thing(name=None),
    ],
)
async def test_a_row_that_does_not_fit_its_columns_is_not_saved(
    writer: RowWriter, reader: RowReader, row: Thing
) -> None:
    projection, model = declared()
    checkpoint = await install(writer, projection)

    with pytest.raises(Exception, match=r"."):
        await writer.save(checkpoint, 1, [changes(model, thing(7)), changes(model, row)])

    assert await reader.get(model, [model.key_of(thing(7))]) == {}
    assert (await reader.checkpoints())["things"].position == 0


async def test_a_row_with_another_key_than_its_own_is_not_saved(writer: RowWriter) -> None:
    projection, model = declared()
    checkpoint = await install(writer, projection)

    with pytest.raises(ValueError, match="returned a row with key"):
        await writer.save(checkpoint, 1, [Changes(model, {(UUID(int=9), 9): thing(1)}, {(UUID(int=9), 9): 1})])


async def test_a_unique_value_is_never_taken_from_another_row(writer: RowWriter, reader: RowReader) -> None:
    projection, model = declared()
    checkpoint = await writer.save(await install(writer, projection), 1, [changes(model, thing(1, label="x"))])

    with pytest.raises(Exception, match=r"(?i)unique"):
        await writer.save(checkpoint, 2, [changes(model, thing(2, label="x"))])

    assert await reader.get(model, [model.key_of(thing(1))])


async def test_a_save_from_a_position_that_was_left_is_fenced(writer: RowWriter, reader: RowReader) -> None:
    projection, model = declared()
    old = await install(writer, projection)
    await writer.save(old, 5, [changes(model, thing(1))])

    with pytest.raises(FencedError):
        await writer.save(old, 6, [changes(model, thing(1, name="zombie"))])

    assert (await reader.get(model, [model.key_of(thing(1))]))[model.key_of(thing(1))].name == "thing 1"


async def test_a_save_of_a_former_owner_is_fenced(store: RowStore, writer: RowWriter) -> None:
    projection, model = declared()
    await writer.lease({"things": "f"}, seconds=0)
    old = (await writer.install([projection], {"things": "f"}, log_id=LOG, head=0, mode="production"))["things"]
    async with store.writer() as second:
        new = await install(second, projection)

        with pytest.raises(FencedError):
            await writer.save(old, 1, [changes(model, thing(1))])

        assert new.epoch == old.epoch + 1
        assert await writer.lease({"things": "f"}, seconds=60) == {}
        assert (await second.save(new, 1, [changes(model, thing(1))])).position == 1


async def test_the_change_feed_grows_with_rows_and_with_rebuilds(writer: RowWriter, reader: RowReader) -> None:
    projection, model = declared()
    before = await reader.changed([model.name])
    checkpoint = await install(writer, projection)
    empty = await reader.changed([model.name])
    await writer.save(checkpoint, 3, [changes(model, thing(1), position=2)])
    filled = await reader.changed([model.name])
    rebuilt, model = declared(version=2)
    checkpoint = await install(writer, rebuilt, head=3)
    await writer.save(checkpoint, 3, [changes(model, thing(1), position=2)])

    assert before < empty < filled < await reader.changed([model.name])


async def test_the_change_feed_names_rows_by_keys_of_every_type(writer: RowWriter, reader: RowReader) -> None:
    projection = Projection("things")
    model = projection.read_model(Thing, key=("id", "day", "at", "kind", "price", "ok", "place"))
    assert isinstance(reader, Fed)

    await writer.save(await install(writer, projection), 3, [changes(model, thing(1), thing(2), position=2)])

    fed = await reader.fed(model, 2, limit=9)
    assert set(fed) == {model.key_of(thing(1)), model.key_of(thing(2))}
    assert set(await reader.get(model, fed)) == set(fed)


async def test_a_raised_version_starts_empty_and_ends_its_rebuild_at_the_target(
    writer: RowWriter, reader: RowReader
) -> None:
    first, model = declared()
    await writer.save(await install(writer, first), 9, [changes(model, thing(1))])
    second, model = declared(version=2)

    checkpoint = await install(writer, second, head=9)

    assert (checkpoint.generation, checkpoint.position, checkpoint.target) == (2, 0, 9)
    assert await reader.get(model, [model.key_of(thing(1))]) == {}
    checkpoint = await writer.save(checkpoint, 8, [])
    assert checkpoint.target == 9
    assert (await writer.save(checkpoint, 9, [])).target is None


async def test_changed_code_under_one_version_is_refused_in_production_and_rebuilt_in_dev(writer: RowWriter) -> None:
    projection, _ = declared()
    await install(writer, projection, code="old")

    with pytest.raises(WiringError, match=r"version=2.*mode='dev'") as refused:
        await install(writer, projection, code="new")

    assert "take the change back" in str(refused.value)
    assert (await install(writer, projection, code="new", mode="dev")).generation == 2


async def test_rows_of_another_or_a_shorter_log_are_refused(writer: RowWriter) -> None:
    projection, _ = declared()
    await writer.save(await install(writer, projection), 9, [])

    with pytest.raises(ForeignLogError, match="log"):
        await install(writer, projection, log_id=UUID(int=2), head=9)
    with pytest.raises(ForeignLogError, match="ends at 8"):
        await install(writer, projection, head=8)


async def test_a_stopped_projection_is_tried_again_by_the_next_start(writer: RowWriter, reader: RowReader) -> None:
    projection, _ = declared()
    stopped = await writer.stop(await install(writer, projection), "event 1: no")

    assert (await reader.checkpoints())["things"].error == "event 1: no"
    assert stopped.position == 0
    assert (await install(writer, projection)).error is None


async def test_a_read_model_of_another_projection_keeps_its_name(writer: RowWriter) -> None:
    projection, _ = declared()
    await install(writer, projection)
    other = Projection("others")
    other.read_model(Thing, key="id")

    with pytest.raises(WiringError, match="already belongs to projection 'things'"):
        await install(writer, other)


async def test_a_read_model_moves_with_its_declaration(writer: RowWriter, reader: RowReader) -> None:
    old, model = declared()
    checkpoint = await install(writer, old)
    await writer.save(checkpoint, 1, [changes(model, thing(1))])
    emptied, taker = Projection("things", version=2), Projection("others")
    moved = taker.read_model(Thing, key="id")

    await writer.lease({"things": "g", "others": "h"}, seconds=60)
    await writer.install([taker, emptied], {"things": "g", "others": "h"}, log_id=LOG, head=1, mode="production")

    assert await reader.get(moved, [moved.key_of(thing(1))]) == {}
    assert {name: each.target for name, each in (await reader.checkpoints()).items()} == {"things": 1, "others": 1}


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with SqliteRowStore(tmp_path / "rows.db") as store, store.writer(), store.reader():
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}  # noqa: ASYNC240 (a test)

    assert modes
    assert set(modes.values()) == {0o600}


async def test_a_reader_of_a_file_closes_though_it_reads_for_ever(tmp_path: Path) -> None:
    for_ever = "with recursive n (v) as (select 1 union all select v + 1 from n) select count(*) from n"
    async with SqliteRowStore(tmp_path / "rows.db") as store:
        reader = await store.reader().__aenter__()
        asking = asyncio.create_task(reader.select([sa.text(for_ever)]))
        await asyncio.wait([asking], timeout=0.05)

        async with asyncio.timeout(20):
            await reader.__aexit__(None, None, None)

    with pytest.raises(StoreError, match="interrupted"):
        await asking
