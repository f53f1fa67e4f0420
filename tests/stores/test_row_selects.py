"""Selects over logical tables find the same values, of the same types, whatever database keeps the rows."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from diptych.errors import StatementError
from diptych.ports import Changes, Prepared, RowReader, RowStore
from tests.row_stores import POSTGRES, row_store
from tests.stores.test_rows import Kind, changes, declared, install, thing

THINGS = (
    thing(1, name="b\0a", label="x", discount=Decimal("0.5"), ok=False),
    thing(2, name="b", price=Decimal("-0.0001"), kind=Kind.BOOK, place=2**40),
    thing(3, name="B", label="\1", ratio=-1.5, place=-3),
    thing(4, name="é", ratio=1e100, parts=()),
)


class Shelves:
    """One store in memory and one in PostgreSQL, with the same rows."""

    def __init__(self) -> None:
        self.stores: list[tuple[RowStore, RowReader]] = []
        self.model = declared()[1]

    async def fill(self, store: RowStore, stack: AsyncExitStack) -> None:
        projection, self.model = declared()
        await stack.enter_async_context(store)
        writer = await stack.enter_async_context(store.writer())
        saved = await install(writer, projection)
        given: Changes = changes(self.model, *THINGS)
        await writer.save(saved, 1, [given])
        self.stores.append((store, await stack.enter_async_context(store.reader())))

    async def answers(self, select: Callable[[Any], Any]) -> list[list[Any]]:
        """Return what each store finds, twice each: compiled, and from the cache."""
        found = []
        for store, reader in self.stores:
            statement = select(store.table(self.model))
            found += [(await reader.select([statement]))[0] for _ in range(2)]
            found.append((await reader.select([statement, statement]))[1])
        return [[tuple(row) for row in rows] for rows in found]


@pytest.fixture(params=POSTGRES)
async def shelves(request: pytest.FixtureRequest) -> AsyncIterator[Shelves]:
    async with AsyncExitStack() as stack:
        made = Shelves()
        await made.fill(row_store(request, "memory"), stack)
        await made.fill(row_store(request, request.param), stack)
        yield made


SELECTS: dict[str, Callable[[Any], Any]] = {
    "everything": lambda t: sa.select(t).order_by(t.c.id),
    "text by code points": lambda t: sa.select(t.c.name).order_by(t.c.name),
    "sum of integers": lambda t: sa.select(sa.func.sum(t.c.place)),
    "mean of integers": lambda t: sa.select(sa.func.avg(t.c.place)),
    "mean of integers, named": lambda t: sa.select(sa.func.avg(t.c.place).label("mean"), sa.func.avg(t.c.ratio)),
    "means of integers within others": lambda t: sa.select(
        sa.func.coalesce(sa.func.avg(t.c.place).filter(t.c.place < 3), 0),
        sa.func.coalesce(sa.func.avg(t.c.place).filter(t.c.place == 1), 0),
        sa.func.avg(t.c.place) * 3,
        sa.func.round(sa.func.avg(t.c.place), 1),
        sa.func.avg(t.c.place).filter(t.c.place < 3),
    ),
    "means of integers over windows": lambda t: sa.select(sa.func.avg(t.c.place).over(order_by=t.c.id)).order_by(
        t.c.id
    ),
    "means of integers, below": lambda t: sa.select(
        (sub := sa.select(sa.func.avg(t.c.place).label("mean")).subquery()).c.mean, sub.c.mean / 2
    ),
    "sums of decimals": lambda t: sa.select(sa.func.sum(t.c.price * t.c.place), sa.func.max(t.c.price + t.c.price)),
    "a sum of nothing": lambda t: sa.select(sa.func.sum(t.c.price), sa.func.count()).where(t.c.place == 9),
    "truth": lambda t: sa.select(t.c.ok, t.c.place > 0).where(~t.c.ok | (t.c.ok == True)).order_by(t.c.id),  # noqa: E712 (SQL)
    "cases": lambda t: sa.select(sa.case((t.c.ok, 1), else_=0), sa.case((t.c.ok, "y"), else_="n")).order_by(t.c.id),
    "extremes": lambda t: sa.select(
        sa.func.min(t.c.at), sa.func.max(t.c.day), sa.func.min(t.c.name), sa.func.max(t.c.id)
    ),
    "extremes of windows": lambda t: sa.select(
        sa.func.max(t.c.id).over(order_by=t.c.id, partition_by=t.c.ok),
        sa.func.min(t.c.id).filter(t.c.ok).over(),
        sa.func.max(t.c.ok).over(),
    ).order_by(t.c.id),
    "extremes of some": lambda t: sa.select(sa.func.max(t.c.id).filter(~t.c.ok), sa.func.min(t.c.ok).filter(t.c.ok)),
    "extremes of bytes": lambda t: sa.select(
        sa.func.max(sa.literal(b"\xff\0")), sa.func.min(sa.case((t.c.ok, b"\2"), else_=b"\2\0"))
    ).select_from(t),
    "groups": lambda t: sa.select(t.c.kind, sa.func.count(t.c.label)).group_by(t.c.kind).order_by(t.c.kind),
    "members": lambda t: (
        sa.select(t.c.id).where(t.c.kind.in_([Kind.BOOK, Kind.PEN]), t.c.name.in_(["b", "b\0a"])).order_by(t.c.id)
    ),
    "no members": lambda t: sa.select(t.c.id).where(t.c.name.in_([])),
    "identity": lambda t: sa.select(t.c.name).where(t.c.id == UUID(int=3)),
    "text with NUL": lambda t: sa.select(t.c.place).where(t.c.name == "b\0a"),
    "parts of text": lambda t: sa.select(t.c.id).where(sa.func.instr(t.c.name, "\0") > 0),
    "beginnings": lambda t: sa.select(t.c.id).where(t.c.name.startswith("é")),
    "without values": lambda t: sa.select(t.c.label).order_by(t.c.label),
    "without values, down": lambda t: sa.select(t.c.label, t.c.id).order_by(t.c.label.desc(), t.c.id.desc()),
    "without values, last": lambda t: sa.select(t.c.label).order_by(t.c.label.nulls_last(), sa.desc("label")),
    "truths": lambda t: sa.select(sa.func.max(t.c.ok), sa.func.min(t.c.ok)),
    "text of its own": lambda t: sa.select(sa.literal("\0") + t.c.name, sa.cast(t.c.name, sa.String)).order_by(t.c.id),
    "joined text": lambda t: sa.select(t.c.name + "!" + t.c.name).order_by(t.c.id),
    "defaults": lambda t: sa.select(sa.func.coalesce(t.c.label, "none"), sa.func.coalesce(t.c.discount, 0)).order_by(
        t.c.id
    ),
    "large numbers": lambda t: sa.select(t.c.place + 2**40, sa.literal(2**50)).where(t.c.place > 2**33),
    "casts": lambda t: sa.select(sa.cast(t.c.place, sa.Integer), sa.cast(t.c.place, sa.String)).order_by(t.c.id),
    "far pages": lambda t: sa.select(t.c.id).order_by(t.c.id).limit(2**40).offset(2**40),
    "windows": lambda t: sa.select(t.c.id, sa.func.row_number().over(order_by=t.c.name)).order_by(t.c.id),
    "subqueries": lambda t: sa.select(t.c.id).where(t.c.ratio == sa.select(sa.func.max(t.c.ratio)).scalar_subquery()),
    "unions": lambda t: sa.union_all(sa.select(t.c.label), sa.select(t.c.name)).order_by("label"),
    "truths as a select says them": lambda t: (
        sa.select(t.c.ok.is_(True), t.c.ok.is_not(False)).where(t.c.ok.is_(False)).order_by(t.c.id)
    ),
    "truths counted": lambda t: (
        sa.select(t.c.kind, sa.func.sum(sa.cast(t.c.ok, sa.Integer)), sa.func.max(t.c.place > 0))
        .group_by(t.c.kind)
        .order_by(t.c.kind)
    ),
    "windows over what is without values": lambda t: sa.select(
        t.c.id,
        sa.func.row_number().over(order_by=(t.c.label, t.c.id)),
        sa.func.rank().over(order_by=t.c.discount.desc()),
        sa.func.count().over(partition_by=t.c.ok, order_by=t.c.label.nulls_last()),
    ).order_by(t.c.id),
    "a whole number of Decimals": lambda t: sa.select(
        sa.func.count() * sa.func.max(t.c.price),
        sa.func.sum(t.c.place * t.c.price),
        sa.func.max(3 * t.c.price),
        sa.func.sum((t.c.place + 1) * t.c.price),
    ),
    "Decimals beside columns": lambda t: sa.select(
        sa.func.coalesce(t.c.discount, Decimal("0.25")),
        sa.case((t.c.ok, t.c.price), else_=Decimal("-1.5")),
        sa.func.coalesce(sa.func.max(t.c.price).over(), 1),
        sa.func.nullif(t.c.price, Decimal("12.5"), type_=t.c.price.type),
        sa.func.coalesce(t.c.kind, Kind.BOOK),
        sa.case((t.c.ok, t.c.at), else_=datetime(2020, 1, 1, tzinfo=UTC)),
    ).order_by(t.c.id),
    "parts by their places": lambda t: (
        sa.select(sa.func.substr(t.c.name, 1, 1), sa.func.substr(t.c.name, t.c.place - t.c.place + 2))
        .where(t.c.label.is_(None))
        .order_by(t.c.id)
    ),
    "neighbours": lambda t: sa.select(
        sa.func.lag(t.c.place, 1, 0).over(order_by=t.c.id), sa.func.ntile(2).over(order_by=t.c.id)
    ).order_by(t.c.id),
    "texts joined": lambda t: sa.select(sa.func.aggregate_strings(sa.cast(t.c.kind, sa.String), ", ")).where(
        t.c.kind == Kind.BOOK
    ),
    "backslashes": lambda t: sa.select(sa.literal("a\\b").like("a\\%"), t.c.name.contains("\\")).order_by(t.c.id),
    "what is behind the point": lambda t: (
        sa.select(sa.cast(t.c.ratio, sa.Integer)).where(t.c.ratio < 9).order_by(t.c.id)
    ),
    "sums of truths": lambda t: sa.select(
        sa.func.sum(t.c.ok, type_=sa.Integer),
        sa.func.sum(t.c.place > 0, type_=sa.Integer),
        sa.func.sum(t.c.ok, type_=sa.Integer).filter(t.c.place > 0),
    ),
    "running sums of truths": lambda t: sa.select(sa.func.sum(t.c.ok, type_=sa.Integer).over(order_by=t.c.id)).order_by(
        t.c.id
    ),
    "distinct": lambda t: sa.select(t.c.kind).distinct().order_by(t.c.kind),
}


@pytest.mark.parametrize("name", SELECTS)
async def test_a_select_finds_the_same_everywhere(shelves: Shelves, name: str) -> None:
    answers = await shelves.answers(SELECTS[name])

    assert all(found == answers[0] for found in answers), answers
    assert len({repr([[type(value).__name__ for value in row] for row in rows]) for rows in answers}) == 1


DECIMALS: dict[str, Callable[[Any], Any]] = {
    "compared with a number of other places": lambda t: t.c.price > t.c.place,
    "on the other side": lambda t: t.c.place > t.c.price,
    "added to a whole number": lambda t: t.c.place + t.c.price,
    "times a float": lambda t: t.c.ratio * t.c.price,
    "divided": lambda t: 1 / t.c.price,
}


@pytest.mark.parametrize("name", DECIMALS)
async def test_what_would_be_computed_on_the_stored_form_of_a_decimal_is_refused(shelves: Shelves, name: str) -> None:
    for store, _ in shelves.stores:
        with pytest.raises(TypeError, match="4 decimal places is stored as a whole number"):
            DECIMALS[name](store.table(shelves.model))


async def test_a_decimal_of_which_sqlalchemy_makes_another_type_is_refused(shelves: Shelves) -> None:
    for store, reader in shelves.stores:
        column = store.table(shelves.model).c
        for made in (sa.func.count() + sa.func.max(column.price), sa.case((column.ok, 0), else_=column.price)):
            with pytest.raises(TypeError, match="of a Decimal of 4 places for"):
                await reader.select([sa.select(made)])


async def test_a_mean_of_decimals_is_refused_where_they_are_stored_as_whole_numbers(shelves: Shelves) -> None:
    (store, reader), (other, newest) = shelves.stores
    for made in (sa.func.avg, sa.func.abs, lambda column: sa.cast(column, sa.Integer)):
        with pytest.raises(TypeError, match="would be that of its stored form"):
            await reader.select([sa.select(made(store.table(shelves.model).c.price))])
        assert await newest.select([sa.select(made(other.table(shelves.model).c.price))])


async def test_a_mean_of_decimals_that_sqlalchemy_takes_for_a_whole_number_is_not_cut_off(shelves: Shelves) -> None:
    _, (store, newest) = shelves.stores
    mean = sa.func.coalesce(sa.func.avg(store.table(shelves.model).c.price), 0)

    assert (await newest.select([sa.select(mean)]))[0][0][0] == Decimal("9.374975")


async def test_rows_are_read_by_name_and_by_column(shelves: Shelves) -> None:
    for store, reader in shelves.stores:
        column = store.table(shelves.model).c
        (found,) = await reader.select([sa.select(column.name, (column.place + 1).label("more")).order_by(column.id)])

        assert (found[0].name, found[1].more) == ("b\0a", 2**40 + 1)
        assert found[0]._mapping[column.name] == "b\0a"
        assert found[0]._asdict() == {"name": "b\0a", "more": 2}


async def test_a_prepared_select_takes_other_values_each_time(shelves: Shelves) -> None:
    for store, reader in shelves.stores:
        column = store.table(shelves.model).c
        wanted = sa.bindparam("wanted", type_=column.name.type)
        select = sa.select(column.place).where(column.name == wanted).order_by(column.id)
        asked = [Prepared(select, {"wanted": name}) for name in ("b", "b\0a", "none")]

        assert [[tuple(row) for row in rows] for rows in await reader.select(asked)] == [[(2**40,)], [(1,)], []]


async def test_text_of_sql_runs_as_it_is(shelves: Shelves) -> None:
    for _, reader in shelves.stores:
        text = sa.text("select name, place from thing where place = :place order by name").bindparams(place=-3)

        assert [(row.name, row.place) for row in (await reader.select([text]))[0]] == [("B", -3)]


async def test_a_sum_of_truths_that_would_come_back_as_a_truth_is_refused(shelves: Shelves) -> None:
    for store, reader in shelves.stores:
        column = store.table(shelves.model).c
        for made in (sa.func.sum(column.ok), sa.func.sum(column.place > 0)):
            with pytest.raises(TypeError, match=r"say what it is, func\.sum"):
                await reader.select([sa.select(made)])


MISTAKES: dict[str, tuple[Any, str]] = {
    "a table that is not there": (sa.select(sa.column("id")).select_from(sa.table("things")), "things"),
    "tables that were forgotten": (sa.text("select thing.id"), "thing"),
    "a column that is not there": (sa.text("select colour from thing"), "colour"),
    "a function that is not there": (sa.select(sa.func.colour(sa.literal(1))), "colour"),
    "what is no SQL": (sa.text("selec 1"), "selec"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_a_select_is_told_as_one_in_the_words_of_the_database(
    shelves: Shelves, mistake: str
) -> None:
    statement, word = MISTAKES[mistake]
    for store, reader in shelves.stores:
        for statements in ([statement], [sa.select(store.table(shelves.model)), statement]):
            with pytest.raises(StatementError, match=word):
                await reader.select(statements)
        assert await reader.select([sa.text("select 1")])
