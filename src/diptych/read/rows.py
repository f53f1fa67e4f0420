"""Rows: what a query handler reads a read model through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from diptych.conditions import condition
from diptych.errors import InvalidMessageError, NoHistoryError
from diptych.model.pages import CursorPage, Page
from diptych.model.projections import Key, ReadModel
from diptych.model.pydantic import maker_of
from diptych.model.rows import RowsOf, columns_of
from diptych.model.specifications import Specification
from diptych.ports import Prepared, RowReader, RowStore, TextSearch
from diptych.read.cache import Kept
from diptych.read.cacheable import refuse_unseen
from diptych.read.cursors import cursor_of, values_at
from diptych.read.ordering import ordering_of
from diptych.read.past import Refolding, is_kept, refuse_present
from diptych.read.reach import Reaching
from diptych.read.shapes import Shapes

V = TypeVar("V")
_MOST = (1 << 63) - 2  # a scroll looks for one row more


@dataclass(eq=False, slots=True)
class Asking:
    """Keep what a query in flight was promised and what it has read so far."""

    after: int
    wait: float
    covered: frozenset[str]
    position: int
    changed: int
    as_of: int | None = None
    kept: Kept | None = None
    watched: bool = False
    """Whether the answer is to live until a change: then every read model that it is made from must be known."""


asking: ContextVar[Asking | None] = ContextVar("asking", default=None)
"""The query that is being answered, for reads of models that its handler did not name."""


@dataclass(eq=False)
class Shelf:
    """Hold what all Rows of an application share: the read models by name, the store, and, once open, a reader."""

    store: RowStore
    models: dict[str, ReadModel[Any]] = field(default_factory=dict)
    reader: RowReader = field(init=False)
    refold: Refolding = field(init=False)
    reach: Reaching = field(init=False)

    def model_of(self, row: Any) -> list[ReadModel[Any]]:
        """Return the read models whose rows are of this type."""
        return [model for model in self.models.values() if model.row is row]

    def projections_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the projections of these read models, each once."""
        return tuple(dict.fromkeys(self.models[name].projection for name in names))

    async def get(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys, as the query in flight wants them: now, or as of a position."""
        query = asking.get()
        if query is None or query.as_of is None:
            return await self.reader.get(model, keys)
        if is_kept(model):
            return await self.reader.get(model, keys, as_of=query.as_of)
        return await self.refold(model, keys, query.as_of)

    async def select(self, statements: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run `select()`s on one snapshot, after waiting for the read models that they name."""
        selects = [each.statement if isinstance(each, Prepared) else each for each in statements]
        parts = (part for each in selects for part in visitors.iterate(each))
        named = {part.name.lower() for part in parts if isinstance(part, sa.TableClause)}  # SQL finds it in any case
        query = asking.get()
        if query is not None:
            if query.watched:
                refuse_unseen(selects)
            await self.cover(query, named & self.models.keys())
            if query.as_of is not None:
                refuse_present(selects, self.models)
                return await self.reader.select(statements, as_of=query.as_of)
        return await self.reader.select(statements)

    async def run(self, model: ReadModel[Any], prepared: Sequence[Prepared]) -> Sequence[Sequence[Any]]:
        """Run statements of our own that name this read model and nothing else; otherwise as `select`."""
        query = asking.get()
        if query is None:
            return await self.reader.select(prepared)
        await self.cover(query, {model.name})
        if query.as_of is not None:
            refuse_present([each.statement for each in prepared], self.models)
        return await self.reader.select(prepared, as_of=query.as_of)

    async def cover(self, query: Asking, names: Iterable[str]) -> None:
        """Wait for read models that were not waited for when the query came, and take what they hold into account."""
        beyond = [self.models[name] for name in sorted(names) if name not in query.covered]
        if not beyond:
            return
        projections = self.projections_of(model.name for model in beyond)
        await self.reach.reach(projections, query.after, timeout=query.wait)
        query.position = min(query.position, await self.reach.position(projections))
        for model in beyond:
            changed = await self.reader.changed((model.name,))
            if model.name not in query.covered:  # else a select beside this one came first
                query.changed += changed
                query.covered |= {model.name}


class Rows(RowsOf[V]):
    """Read the rows of one read model. Take it as a parameter of a query handler: `rows: Rows[ProductView]`.

    A key of one column is given as its bare value, one of several as its parts.
    """

    __slots__ = ("_fields", "_make", "_model", "_shapes", "_shelf")

    def __init__(self, model: ReadModel[V], shelf: Shelf) -> None:
        self._model, self._shelf = model, shelf
        self._shapes: Shapes | None = None
        self._fields = tuple(column.name for column in columns_of(model.row) if not column.computed)
        self._make = maker_of(model.row)

    @property
    def table(self) -> sa.Table:
        """Return the table of the read model, for `select()`: `rows.table.c.price`."""
        return self._shelf.store.table(self._model)  # type: ignore[no-any-return]  # the port knows no SQLAlchemy

    async def get(self, *key: Any) -> V | None:  # Any: values of the key columns
        """Return the row with this key, or None."""
        wanted = self._key(key[0] if len(key) == 1 else key)
        return (await self._shelf.get(self._model, (wanted,))).get(wanted)

    async def many(self, keys: Iterable[Any]) -> dict[Any, V]:  # Any: bare keys or tuples of key columns
        """Return the rows that exist among these keys, by the keys as given."""
        wanted = {self._key(key): key for key in keys}
        found = await self._shelf.get(self._model, tuple(wanted)) if wanted else {}
        return {given: found[key] for key, given in wanted.items() if key in found}

    async def find(
        self, *where: Any, order: Sequence[str] = (), limit: int = 50, offset: int = 0, **equals: Any
    ) -> Page[V]:  # Any: specifications, SQLAlchemy conditions, values of columns
        """Return a page of rows: `find(fields(ProductView).price > 5, category="tools", order=("-price",), limit=20)`.

        Rows that are equal in `order` come by key, so that pages neither overlap nor skip; None comes before every
        value, and so last where a column goes down. The total is counted on the same snapshot. Raises TypeError for
        columns that are not there or have no order.
        """
        _refuse_unfit(0, limit=limit, offset=offset)
        if _is_plain(where, equals):
            shape = self._shaped().of(where, equals, order)
            counted, found = await self._shelf.run(self._model, shape.prepared(equals, limit, offset))
        else:
            chosen = self._conditions(where, equals)
            ordering = ordering_of(self._model, self.table, order)
            page = self._items(chosen).order_by(*ordering.clauses()).limit(limit).offset(offset)
            counted, found = await self._shelf.select((self._counted(chosen), page))
        return Page(tuple(map(self._made, found)), counted[0][0], offset, limit)

    async def scroll(
        self, *where: Any, order: Sequence[str] = (), limit: int = 50, cursor: str | None = None, **equals: Any
    ) -> CursorPage[V]:  # Any: as in `find`
        """Return at most `limit` rows after a cursor, in the order of `find`; None starts at the beginning.

        A row that is there all the time is seen exactly once, whatever comes and goes between pages, and a page far
        down costs what the first one does when an index has the order. Raises InvalidMessageError, path `cursor`, for
        a cursor of another read model or order.
        """
        _refuse_unfit(1, limit=limit)
        chosen, ordering = self._conditions(where, equals), ordering_of(self._model, self.table, order)
        stretches = ordering.after(None if cursor is None else values_at(ordering, cursor))
        places = [place.of.label(f"order_{at}") for at, place in enumerate(ordering.places)]
        items = self._items(chosen).add_columns(*places).order_by(*ordering.clauses()).limit(limit + 1)
        parts = await self._shelf.select([items.where(*stretch) for stretch in stretches])
        found, width = list(chain.from_iterable(parts)), len(self._fields)
        following = cursor_of(ordering, found[limit - 1][width:]) if len(found) > limit else None
        return CursorPage(tuple(self._made(values[:width]) for values in found[:limit]), following)

    async def count(self, *where: Any, **equals: Any) -> int:  # Any: as in `find`
        """Return how many rows there are of which all of this holds."""
        counted = await self._shelf.select((self._counted(self._conditions(where, equals)),))
        return int(counted[0][0][0])

    async def search(
        self, text: str, *where: Any, limit: int = 50, offset: int = 0, **equals: Any
    ) -> Page[V]:  # Any: as in `find`
        """Return a page of the rows that hold every word of a text, the last at least by its beginning, best first.

        Rows that hold the last word whole come first; within each part those in whose FullText columns, by weight, the
        words are rarer and make up more, then by key. Of each part the first 4,000 rows to be found are ranked, and
        paged through; the total counts all. Raises TypeError for rows without FullText,
        NoHistoryError as of a position.
        """
        _refuse_unfit(0, limit=limit, offset=offset)
        searched = self._searched()
        values = searched.values(text, limit=limit, offset=offset)
        if _is_plain(where, equals):
            prepared = self._shaped().search(searched, where, equals, values)
            found = (await self._shelf.run(self._model, (prepared,)))[0]
        else:
            page = searched.page(self._conditions(where, equals))
            found = (await self._shelf.select((Prepared(page, values),)))[0]
        rows = tuple(self._made(values) for _, tier, *values in found if tier is not None)
        return Page(rows, found[0][0], offset, limit)

    def matching(self, text: str) -> Any:  # Any: a SQLAlchemy condition
        """Return the condition that a row would be found by `search`, for `find`, `count` and `select()`."""
        return self._searched().matching(text)

    async def select(self, statement: Any) -> Sequence[Any]:  # Any: a SQLAlchemy select, and its rows
        """Run any `select()` over tables of read models and return its rows; what it names is waited for as well."""
        if not isinstance(statement, sa.Executable | Prepared):
            raise TypeError(f"wanted a select() of SQLAlchemy, or sa.text(...), found {statement!r:.60}")
        return (await self._shelf.select((statement,)))[0]

    def _made(self, values: Iterable[Any]) -> V:
        made: V = self._make(**dict(zip(self._fields, values, strict=True)))
        return made

    def _searched(self) -> TextSearch:
        if not any(column.weight is not None for column in self._model.columns):
            raise TypeError(
                f"rows of {self._model.name!r} cannot be searched: none of their columns is marked; "
                f"write name: Annotated[str, FullText()] in {self._model.row.__qualname__}"
            )
        query, name = asking.get(), self._model.name
        if query is not None and query.as_of is not None:
            fix = "the index holds the words of the rows as they are now; use find() with conditions on columns"
            raise NoHistoryError(name, f"a search of {name!r}", fix=fix)
        return self._shelf.store.text(self._model)

    def _key(self, given: Any) -> Key:
        key = given if isinstance(given, tuple) else (given,)
        if len(key) != len(self._model.key):
            raise TypeError(f"a key of {self._model.name!r} is ({', '.join(self._model.key)}), found {given!r}")
        return key

    def _shaped(self) -> Shapes:
        if self._shapes is None:
            self._shapes = Shapes(self._model, self.table, self._fields, self._conditions)
        return self._shapes

    def _counted(self, conditions: Sequence[Any]) -> Any:
        return sa.select(sa.func.count()).select_from(self.table).where(*conditions)

    def _items(self, conditions: Sequence[Any]) -> Any:
        table = self.table
        return sa.select(*(table.c[name] for name in self._fields)).where(*conditions)

    def _conditions(self, where: Sequence[Any], equals: dict[str, Any]) -> list[Any]:
        given = (self._condition(each) if isinstance(each, Specification) else each for each in where)
        return [*given, *(self._column(name) == value for name, value in equals.items())]

    def _condition(self, specification: Specification[Any]) -> Any:
        if specification.row is not self._model.row:
            raise TypeError(f"{specification!r} does not speak of rows {self._model.row.__qualname__}")
        return condition(specification, self.table)

    def _column(self, name: str) -> Any:
        table = self.table
        if name not in table.c:
            raise TypeError(f"{self._model.name!r} has no column {name!r}; it has {', '.join(table.c.keys())}")
        return table.c[name]


def _is_plain(where: Sequence[Any], equals: Mapping[str, Any]) -> bool:
    """Say whether a statement is told from others by specifications and names, which can be compared."""
    return all(isinstance(each, Specification) for each in where) and not any(
        isinstance(value, sa.ClauseElement) for value in equals.values()
    )


def _refuse_unfit(least: int, **given: int) -> None:
    """Refuse what is no part of a page; a client may ask for any number."""
    wrong = {name: f"at least {least}" for name, value in given.items() if value < least}
    wrong |= {name: f"at most {_MOST}" for name, value in given.items() if value > _MOST}
    if wrong:
        found = {name: (f"expected {bound}, found {given[name]}",) for name, bound in wrong.items()}
        raise InvalidMessageError("the page", found)
