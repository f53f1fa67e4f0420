"""Whatever type a column has, its values come back as they were saved, alone and among others."""

import enum
import sqlite3
from dataclasses import make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import pytest

from diptych.model.indexes import Index
from diptych.model.marks import Scale
from diptych.model.projections import Projection
from diptych.model.specifications import fields
from diptych.ports import Changes, RowStore
from tests.row_stores import POSTGRES, row_store


class Mixed(enum.Enum):
    TEXT = "a"
    NUMBER = 1


class Ratio(enum.Enum):
    HALF = 0.5
    WHOLE = 1.0


class Side(enum.Enum):
    LEFT = (0, 1)
    RIGHT = (1, 0)


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@pytest.fixture(params=("memory", *POSTGRES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RowStore:
    return row_store(request, request.param, tmp_path)


async def saved_and_read(unopened: RowStore, key: Any, value: Any, rows: dict[Any, Any]) -> dict[Any, Any]:
    projection = Projection("values")
    row = make_dataclass("Value", [("id", key), ("value", value)], frozen=True)
    model = projection.read_model(row, key="id")
    async with unopened as store, store.writer() as writer, store.reader() as reader:
        await writer.lease({"values": ""}, seconds=60)
        installed = await writer.install([projection], {"values": ""}, log_id=UUID(int=1), head=0, mode="production")
        made = {(each,): row(each, held) for each, held in rows.items()}
        await writer.save(installed["values"], 1, [Changes(model, made, dict.fromkeys(made, 1))])
        alone = {each: (await reader.get(model, [each])).get(each) for each in made}
        together = await reader.get(model, tuple(made))
    assert alone == together
    return {each.id: each.value for each in together.values()}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Mixed, (Mixed.TEXT, Mixed.NUMBER)),
        (Ratio, (Ratio.HALF, Ratio.WHOLE)),
        (Side, (Side.LEFT, Side.RIGHT)),
        (Size, (Size.SMALL, Size.LARGE)),
        (Right, (Right.READ, Right.READ | Right.WRITE)),
        (Literal["a", 1], ("a", 1)),
        (Literal[True], (True,)),
        (int | str, (1, "1")),
        (timedelta, (timedelta(days=-3), timedelta(days=1, microseconds=3))),
        (frozenset[str], (frozenset({"a", "b"}), frozenset())),
        (time, (time(1, 2, 3, 4), time.max, time(1, 2, tzinfo=timezone(timedelta(hours=5))))),
        (str, ("a\0b", "\0", "\1\2\3\4\5", "\6", "\t\n", "")),
        (str, ('"', "\\", "\\u0041", "{}", "null", "\x7f\u2028")),
        (str | None, (None, "\0")),
        (tuple[str, ...], (("\0", "\1"), ())),
        (Decimal, (Decimal("1.50"), Decimal("1E+3"), Decimal("-0"))),
        (float, (float("inf"), float("-inf"), -0.0)),
        (bytes | None, (b"\\x00", b"", None)),
        (datetime, (datetime(2011, 1, 4, 9, 0, 0, 1, timezone(timedelta(seconds=1172))),)),
        (date, (date(2011, 1, 4), date.max)),
    ],
)
async def test_a_value_comes_back_as_it_was_saved(store: RowStore, kind: Any, values: tuple[Any, ...]) -> None:
    given = dict(enumerate(values))

    found = await saved_and_read(store, int, kind, given)

    assert found == given
    assert [type(each) for each in found.values()] == [type(each) for each in values]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (bytes, (b"a", b"\xff\x00")),
        (float, (0.1, 1e300, 5e-324)),
        (int, (2**63 - 1, -(2**63))),
        (bool, (True, False)),
        (Size, (Size.SMALL, Size.LARGE)),
        (date, (date.min, date.max)),
        (datetime, (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))),
        (Annotated[Decimal, Scale(4)], (Decimal("99999999999999.9999"), Decimal("-0.0001"))),
        (UUID, (UUID(int=0), UUID(int=2**128 - 1))),
        (str, ("\0", "\0\0", "\1", "\5")),
        (str, ("", "\u2028", "\U0001f600", '"quoted"', "1")),
    ],
)
async def test_a_row_is_found_by_its_key_among_others(store: RowStore, kind: Any, keys: tuple[Any, ...]) -> None:
    given = {each: str(each) for each in keys}

    assert await saved_and_read(store, kind, str, given) == given


async def test_a_truth_value_in_a_column_of_numbers_is_a_number(store: RowStore) -> None:
    assert await saved_and_read(store, int, int, {1: True, 2: False}) == {1: 1, 2: 0}


@pytest.mark.parametrize("end", [date.min, date.max])
async def test_one_row_of_a_kind_is_endless(store: RowStore, end: date) -> None:
    projection, row = (
        Projection("prices"),
        make_dataclass("Price", [("id", int), ("of", str), ("until", date)], frozen=True),
    )
    column: Any = fields(row)
    current = Index("of", where=column.until == end, unique=True)
    model = projection.read_model(row, key="id", indexes=[current])
    async with store, store.writer() as writer:
        await writer.lease({"prices": ""}, seconds=60)
        installed = await writer.install([projection], {"prices": ""}, log_id=UUID(int=1), head=0, mode="production")
        rows = {(1,): row(1, "pen", end), (2,): row(2, "pen", date(2020, 1, 1)), (3,): row(3, "cup", end)}
        saved = await writer.save(installed["prices"], 1, [Changes(model, rows, dict.fromkeys(rows, 1))])

        with pytest.raises((sqlite3.IntegrityError, asyncpg.UniqueViolationError)):
            await writer.save(saved, 2, [Changes(model, {(4,): row(4, "pen", end)}, {(4,): 2})])
