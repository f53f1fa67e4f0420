"""A fold whose type promises a row and that returns None has forgotten its `return`: nothing is deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from diptych import Application, Command, Decider, FoldError, Module, Projection, Query, RowChange, Rows, Tag, event
from diptych.testing import Scenario

Code = Annotated[str, Tag("jar")]


@event("jar.filled")
@dataclass(frozen=True)
class Filled:
    jar: Code


@dataclass(frozen=True)
class Fill(Command[None]):
    jar: Code


@dataclass(frozen=True)
class Jar:
    jar: str


@dataclass(frozen=True)
class Shelf:
    jar: str


@dataclass(frozen=True)
class GetJar(Query[Jar | None]):
    jar: str


jars = Module("jars")


def count(filled: int, happened: Filled) -> int:
    return filled + 1


def fill(command: Fill, filled: int) -> list[Filled]:
    return [Filled(command.jar)]


jars.decider(Decider(fill, count, initial=int))


@jars.query
async def get(query: GetJar, rows: Rows[Jar]) -> Jar | None:
    return await rows.get(query.jar)


def forgetting() -> Projection:
    projection = Projection("forgetting")

    @projection.read_model(Jar, key="jar").on
    def filled(row: Jar | None, happened: Filled) -> Jar:
        return None if row else Jar(happened.jar)  # type: ignore[return-value]  # the mistake

    return projection


def deleting() -> Projection:
    projection = Projection("deleting")

    @projection.read_model(Jar, key="jar").on
    def filled(row: Jar | None, happened: Filled) -> Jar | None:
        return None if row else Jar(happened.jar)

    return projection


def never_making() -> Projection:
    projection = Projection("never_making")

    @projection.read_model(Jar, key="jar").on
    def filled(row: Jar | None, happened: Filled) -> Jar:
        Jar(happened.jar)  # the mistake
        return row  # type: ignore[return-value]  # None, as there is no row yet

    return projection


def rolling() -> Projection:
    projection = Projection("rolling")
    source = projection.read_model(Jar, key="jar")
    shelves = projection.read_model(Shelf, key="jar")

    @source.on
    def filled(row: Jar | None, happened: Filled) -> Jar:
        return Jar(happened.jar)

    @shelves.rollup(source)
    def put(row: Shelf | None, change: RowChange[Jar]) -> Shelf:
        return None if row else Shelf(change.key[0])  # type: ignore[return-value]  # the mistake

    return projection


@pytest.mark.parametrize(("made", "fold"), [(forgetting, "filled"), (rolling, "put")])
async def test_a_forgotten_row_stops_the_projection_with_its_fold(made: Callable[[], Any], fold: str) -> None:
    async with Application(jars, made()) as app:
        await app.send(Fill("a"))
        twice = await app.send(Fill("a"))

        with pytest.raises(FoldError, match=rf"{fold} returned None for the row a, and its type promises a row"):
            await app.ask(GetJar("a"), after=twice)


async def test_a_row_that_was_never_made_stops_the_projection_at_the_first_event() -> None:
    async with Application(jars, never_making()) as app:
        once = await app.send(Fill("a"))

        with pytest.raises(FoldError, match=r"filled returned None for the row a, and its type promises a row"):
            await app.ask(GetJar("a"), after=once)


def test_a_row_that_was_never_made_fails_in_a_scenario() -> None:
    with pytest.raises(FoldError, match=r"returned None for the row a; return a row"):
        Scenario(jars, never_making()).given(Filled("a")).row(Jar, "a")


@pytest.mark.parametrize(("made", "row"), [(forgetting, Jar), (rolling, Shelf)])
def test_a_forgotten_row_fails_in_a_scenario(made: Callable[[], Any], row: type) -> None:
    with pytest.raises(FoldError, match=r"returned None for the row a; return a row"):
        Scenario(jars, made()).given(Filled("a"), Filled("a")).row(row, "a")


async def test_where_the_type_admits_none_the_row_is_deleted() -> None:
    async with Application(jars, deleting()) as app:
        await app.send(Fill("a"))
        twice = await app.send(Fill("a"))

        assert await app.ask(GetJar("a"), after=twice) is None
        assert (await app.check("deleting")).is_right
