"""Queries: by key, a page of a list, a search; answered from rows, from the cache, and by raw sqlite3."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter, time_ns
from typing import Annotated, Any

import msgspec

from benchmarks.logs import Logs, url
from benchmarks.rows import Row, Size
from benchmarks.timing import interleaved, per_second
from diptych import (
    Application,
    Cached,
    FullText,
    Indexed,
    Module,
    Page,
    Projection,
    Query,
    Rows,
    Scale,
    Tag,
    event,
)
from diptych.codec import encode
from diptych.ports import Append, Metadata, Record
from diptych.recorded import writer_of
from diptych.stores.system import RandomIds

_PRODUCTS, _GROUPS, _PAGE, _BATCH = 20_000, 200, 20, 500
Money = Annotated[Decimal, Scale(4)]
_SCHEMA = """
create table things (
    id integer primary key, thing text not null unique, "group" text not null, description text not null,
    price integer not null, stock integer not null
);
create index things_by_group on things ("group", thing);
create virtual table words using fts5 (description, content = 'things', content_rowid = 'id', prefix = '2 3');
"""
_INSERT = 'insert into things (thing, "group", description, price, stock) values (?, ?, ?, ?, ?)'
_SELECT = 'select thing, "group", description, price, stock from things'
_SEARCH = (
    'select t.thing, t."group", t.description, t.price, t.stock from words join things t on t.id = words.rowid '
    "where words match ? order by words.rank limit 20"
)
_WORDS = "red blue green tall small round wooden metal lamp chair table clock mirror basket candle box".split()


@event("thing.listed")
class ThingListed(msgspec.Struct, frozen=True, gc=False):
    """A thing is for sale."""

    thing: Annotated[str, Tag("thing")]
    group: str
    description: str
    price: Money


class Thing(msgspec.Struct, frozen=True, gc=False):
    """A thing as lists show it."""

    thing: str
    group: Annotated[str, Indexed()]
    description: Annotated[str, FullText()]
    price: Money
    stock: int = 0


class GetThing(msgspec.Struct, Query[Thing | None], frozen=True):
    """Ask for a thing."""

    thing: str


class GetKept(msgspec.Struct, Query[Thing | None], frozen=True):
    """Ask for a thing, from the cache."""

    thing: str


class FindThings(msgspec.Struct, Query[Page[Thing]], frozen=True):
    """Ask for a page of a group."""

    group: str


class FindKept(msgspec.Struct, Query[Page[Thing]], frozen=True):
    """Ask for a page of a group, from the cache."""

    group: str


class SearchThings(msgspec.Struct, Query[Page[Thing]], frozen=True):
    """Search by words."""

    text: str


class SearchKept(msgspec.Struct, Query[Page[Thing]], frozen=True):
    """Search by words, from the cache."""

    text: str


market = Module("market")
offers = Projection("offers")
things = offers.read_model(Thing, key="thing", indexes=[("group", "thing")])


@things.on
def listed(_: Thing | None, happened: ThingListed) -> Thing:
    """Show a thing."""
    return Thing(happened.thing, happened.group, happened.description, happened.price)


@market.query
async def get_thing(query: GetThing, rows: Rows[Thing]) -> Thing | None:
    """Answer by key."""
    return await rows.get(query.thing)


@market.query
async def find_things(query: FindThings, rows: Rows[Thing]) -> Page[Thing]:
    """Answer with a page and the size of the whole."""
    return await rows.find(group=query.group, order=["thing"], limit=_PAGE)


@market.query
async def search_things(query: SearchThings, rows: Rows[Thing]) -> Page[Thing]:
    """Answer with the best ones."""
    return await rows.search(query.text, limit=_PAGE)


@market.query(cache=Cached(until_change=True))
async def get_kept(query: GetKept, rows: Rows[Thing]) -> Thing | None:
    """Answer by key."""
    return await rows.get(query.thing)


@market.query(cache=Cached(until_change=True))
async def find_kept(query: FindKept, rows: Rows[Thing]) -> Page[Thing]:
    """Answer with a page and the size of the whole."""
    return await rows.find(group=query.group, order=["thing"], limit=_PAGE)


@market.query(cache=Cached(until_change=True))
async def search_kept(query: SearchKept, rows: Rows[Thing]) -> Page[Thing]:
    """Answer with the best ones."""
    return await rows.search(query.text, limit=_PAGE)


class Raw:
    """Answer the same questions by sqlite3 from tables of the same columns and indexes."""

    def __init__(self, path: Path, count: int) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        with self._connection:
            self._connection.execute("begin")
            self._connection.executemany(_INSERT, (_stored(number) for number in range(count)))
            self._connection.execute("insert into words (words) values ('rebuild')")

    def by_key(self, thing: str) -> Thing | None:
        """Return a thing."""
        found = self._connection.execute(f"{_SELECT} where thing = ?", (thing,)).fetchone()
        return None if found is None else _thing(found)

    def page(self, group: str) -> tuple[int, list[Thing]]:
        """Return the size of a group and a page of it."""
        (count,) = self._connection.execute('select count(*) from things where "group" = ?', (group,)).fetchone()
        found = self._connection.execute(f'{_SELECT} where "group" = ? order by thing limit {_PAGE}', (group,))
        return count, [_thing(each) for each in found]

    def search(self, text: str) -> tuple[int, list[Thing]]:
        """Return how many match and the best of them."""
        words = " ".join(f'"{word}"*' for word in text.split())
        (count,) = self._connection.execute("select count(*) from words where words match ?", (words,)).fetchone()
        return count, [_thing(each) for each in self._connection.execute(_SEARCH, (words,))]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


async def queries(size: Size, logs: Logs) -> list[Row]:
    """Measure queries per second of one task, answered from rows and from the cache, beside raw code."""
    folder, count = logs.folder / "market", size.of(_PRODUCTS)
    folder.mkdir()
    raw = Raw(folder / "raw.db", count)
    async with Application(market, offers, events=url(folder / "market.db")) as app:
        ids = RandomIds()
        for start in range(0, count, _BATCH):
            await asyncio.gather(*[_append(app, ids, number) for number in range(start, min(start + _BATCH, count))])
        await app.caught_up(timeout=600)
        keys = [_row(number * 7919 % count).thing for number in range(count)]
        groups = [f"g{number % _GROUPS}" for number in range(_GROUPS)]
        texts = [f"{first} {second[:3]}" for first in _WORDS[:8] for second in _WORDS[8:]]
        works = (
            Workload("by key", GetThing, GetKept, raw.by_key, keys, 5_000),
            Workload(f"of a page of {_PAGE} and its total", FindThings, FindKept, raw.page, groups, 1_000),
            Workload("by words, best first, and its total", SearchThings, SearchKept, raw.search, texts, 500),
        )
        rows = [row for work in works for row in await _measured(work, app, size)]
    raw.close()
    return rows


@dataclass(frozen=True)
class Workload:
    """One question: from rows, from the cache, by raw code; about what, and how often."""

    name: str
    fresh: Callable[[str], Query[Any]]
    kept: Callable[[str], Query[Any]]
    raw: Callable[[str], Any]
    asked: Sequence[str]
    times: int


async def _measured(work: Workload, app: Application, size: Size) -> list[Row]:
    texts = [work.asked[turn % len(work.asked)] for turn in range(size.of(work.times))]
    sides = {
        "rows": partial(_rate, app, [work.fresh(text) for text in texts]),
        "kept": partial(_rate, app, [work.kept(text) for text in texts]),
        "raw": partial(_raw_rate, work.raw, texts),
    }
    for text in dict.fromkeys(texts):
        await app.ask(work.kept(text))
    found = await interleaved(sides, size.rounds)
    beside = "sqlite3: the same statements, the same rows made of what they return"
    return [
        Row("queries", f"query {work.name}", "queries/s", found["rows"], found["raw"], beside),
        Row("queries", f"query {work.name}, from the cache", "queries/s", found["kept"], found["raw"], beside),
    ]


async def _rate(app: Application, asked: Sequence[Query[Any]]) -> float:
    started = perf_counter()
    for query in asked:
        assert await app.ask(query) is not None
    return per_second(len(asked), started)


async def _raw_rate(answer: Callable[[str], Any], asked: Sequence[str]) -> float:
    started = perf_counter()
    for text in asked:
        assert answer(text) is not None
    return per_second(len(asked), started)


async def _append(app: Application, ids: RandomIds, number: int) -> None:
    thing, command, now = _row(number), ids.new(), time_ns() // 1000
    metadata = encode(Metadata(command))
    new = writer_of(ThingListed)(ThingListed(thing.thing, thing.group, thing.description, thing.price), metadata)
    await app.store.append(Append((new,), (), Record(command, "ListThing", b"", b"null", 0, now), metadata, now))


def _row(number: int) -> Thing:
    words = [_WORDS[number // 16**place % 16] for place in range(3)]
    return Thing(f"t{number:06d}", f"g{number % _GROUPS}", " ".join(words), Decimal(number % 9_999) / 100)


def _stored(number: int) -> tuple[Any, ...]:
    row = _row(number)
    return row.thing, row.group, row.description, int(row.price * 10_000), row.stock


def _thing(values: tuple[Any, ...]) -> Thing:
    thing, group, description, price, stock = values
    return Thing(thing, group, description, Decimal(price).scaleb(-4), stock)
