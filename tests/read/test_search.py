"""A query searches what it waited for, now and never as of a position."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
import sqlalchemy as sa

from diptych import Application, Command, Decider, FullText, Meta, Module, Page, Projection, Query, Rows, Tag, event
from diptych.errors import InvalidMessageError, NoHistoryError
from tests.read.sales import events_at, home_of
from tests.row_stores import KINDS, POSTGRES

Code = Annotated[str, Tag("item")]


@event("item.named")
@dataclass(frozen=True)
class Named:
    item: Code
    name: str


@dataclass(frozen=True)
class Name(Command[None]):
    item: Code
    name: str


@dataclass(frozen=True)
class ItemView:
    item: str
    name: Annotated[str, FullText(weight=2)]
    times: int = 0


@dataclass(frozen=True)
class Line:
    item: str
    text: Annotated[str, FullText()]


@dataclass(frozen=True)
class FindItems(Query[Page[ItemView]]):
    text: str
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True)
class CountLines(Query[int]):
    text: str


def shop(version: int = 1) -> tuple[Module, Projection]:
    module, projection = Module("items"), Projection("items", version=version)
    items = projection.read_model(ItemView, key="item", history=True)
    lines = projection.append_only(Line)

    def decide(command: Name, state: None) -> Iterable[Named]:
        yield Named(command.item, command.name)

    def evolve(state: None, event: Named) -> None:
        return None

    @items.on
    def named(row: ItemView | None, event: Named) -> ItemView:
        return replace(row or ItemView(event.item, ""), name=event.name, times=row.times + 1 if row else 1)

    @lines.on
    def told(event: Named, meta: Meta) -> list[Line]:
        return [Line(event.item, event.name)]

    @module.query
    async def find(query: FindItems, items: Rows[ItemView]) -> Page[ItemView]:
        return await items.search(query.text, limit=query.limit, offset=query.offset)

    @module.query
    async def count(query: CountLines, items: Rows[ItemView], lines: Rows[Line]) -> int:
        named = sa.select(items.table.c.item).where(items.matching(query.text))
        return await lines.count(lines.table.c.item.in_(named))

    module.decider(Decider(decide, evolve, initial=lambda: None))
    return module, projection


@pytest.fixture(params=KINDS)
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    async with Application(*shop(), events=events_at(home_of(request, request.param, tmp_path))) as opened:
        yield opened


async def test_a_search_holds_what_was_just_written(app: Application) -> None:
    for at in range(20):
        result = await app.send(Name(f"i{at}", f"lamp number {at}"))

        found = await app.ask(FindItems(f"lamp {at}"), after=result)

        assert found.items[0].item == f"i{at}"


async def test_a_renamed_item_is_found_by_its_new_name_alone(app: Application) -> None:
    await app.send(Name("i", "red lamp"))
    result = await app.send(Name("i", "Grüner Stuhl"))

    assert (await app.ask(FindItems("lamp"), after=result)).total == 0
    assert (await app.ask(FindItems("gruner stu"), after=result)).items == (ItemView("i", "Grüner Stuhl", 2),)


async def test_append_only_rows_keep_every_text(app: Application) -> None:
    await app.send(Name("i", "red lamp"))
    result = await app.send(Name("i", "green chair"))

    assert await app.ask(CountLines("chair"), after=result) == 2
    assert await app.ask(CountLines("lamp"), after=result) == 0


async def test_the_past_is_not_searched(app: Application) -> None:
    first = await app.send(Name("i", "lamp"))
    await app.send(Name("i", "chair"))

    with pytest.raises(NoHistoryError, match="a search of 'item_view' cannot be answered as of a position: the index"):
        await app.ask(FindItems("lamp"), as_of=first.position)
    with pytest.raises(NoHistoryError, match="a search"):
        await app.ask(CountLines("lamp"), as_of=first.position)


@pytest.mark.parametrize(("limit", "offset"), [(-1, 0), (1, -1)])
async def test_a_page_begins_at_nought(app: Application, limit: int, offset: int) -> None:
    with pytest.raises(InvalidMessageError, match="expected at least 0, found -1"):
        await app.ask(FindItems("lamp", limit, offset))


async def test_a_page_of_no_rows_counts_them_all(app: Application) -> None:
    result = await app.send(Name("i", "lamp"))

    page = await app.ask(FindItems("lamp", limit=0), after=result)

    assert (page.items, page.total, page.limit) == ((), 1, 0)


@pytest.mark.parametrize("kind", ["file", *POSTGRES])
async def test_a_rebuilt_projection_is_searched_again(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    events = events_at(home_of(request, kind, tmp_path))
    async with Application(*shop(), events=events) as app:
        result = await app.send(Name("i", "lamp"))
        assert (await app.ask(FindItems("lamp"), after=result)).total == 1

    async with Application(*shop(version=2), events=events) as app:
        await app.caught_up()
        assert (await app.ask(FindItems("lamp"))).items == (ItemView("i", "lamp", 1),)
