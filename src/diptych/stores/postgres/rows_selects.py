"""Selects: statements of SQLAlchemy, compiled once for each shape, run on asyncpg, their rows those of SQLAlchemy."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement

from diptych.errors import StatementError
from diptych.ports import Prepared
from diptych.stores.kinds import Scaled
from diptych.stores.letters import unpaired
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_dialect import DIALECT
from diptych.stores.postgres.rows_snapshots import on_snapshot

_KEPT = 1000
_ARGUMENTS = 32_767
"""How many arguments a statement takes."""
_NUMERIC, _TEXTS = 1700, (25, 1043)
_PARAMETER = re.compile(r"\$(\d+)\b")

Convert = Callable[[Any], Any]


class Asked(NamedTuple):
    """What is to be run: the text, its arguments, and the shape that makes rows of what is found."""

    text: str
    arguments: Sequence[Any]
    shape: Shape


class Selects:
    """Compile selects, and keep what was compiled by what SQLAlchemy tells them apart by."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, Shape] = OrderedDict()

    def asked(self, given: Any) -> Asked:
        """Return a select, or a Prepared one, ready to be run."""
        statement, values = given if isinstance(given, Prepared) else (given, {})
        key = statement._generate_cache_key()  # noqa: SLF001 (SQLAlchemy's, for whoever keeps compiled statements)
        if key is None:
            return Shape(statement, None).asked(values, None)
        shape = self._kept.get(key.key)
        if shape is None:
            shape = self._kept[key.key] = Shape(statement, key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key.key)
        return shape.asked(values, key.bindparams)


class Shape:
    """One compiled select: its text, what converts its arguments, and, once it ran, what converts its rows."""

    def __init__(self, statement: Any, key: Any) -> None:
        self._compiled = statement.compile(dialect=DIALECT, cache_key=key)
        self._made: SimpleResultMetaData | None = None
        self._joins = False

    def asked(self, values: Mapping[str, Any], extracted: Any) -> Asked:
        """Return the text with the arguments of this time."""
        compiled = self._compiled
        given = compiled.construct_params(values, extracted_parameters=extracted, escape_names=False)
        convert: Mapping[str, Convert] = compiled._bind_processors  # noqa: SLF001 (what SQLAlchemy's own engine takes)
        if not (compiled.post_compile_params or compiled.literal_execute_params):
            return _fitting(Asked(compiled.string, _arguments(compiled.positiontup or (), given, convert), self))
        # The values of IN (...) are as many parameters as there are this time; some values are part of the text.
        found = compiled._process_parameters_for_postcompile(given)  # noqa: SLF001 (the same)
        arguments = _arguments(found.positiontup, found.parameters, {**convert, **found.processors})
        return _fitting(Asked(found.statement, arguments, self))

    async def run(self, connection: Connection, asked: Asked) -> Sequence[Any]:
        """Run on a connection; return rows of SQLAlchemy."""
        await self.learn(connection, asked)
        return self.rows(await connection.fetch(asked.text, *asked.arguments))

    async def learn(self, connection: Connection, asked: Asked) -> bool:
        """Learn once what types its columns have; say whether its rows can be values of an array, as ours can."""
        if self._made is None:
            found = (await connection.prepare(asked.text)).get_attributes()
            self._made = self._metadata([(each.name, each.type.oid) for each in found])
            self._joins = all(each.type.kind == "scalar" for each in found)
        return self._joins

    def rows(self, found: Iterable[Any]) -> Sequence[Any]:
        """Return rows of SQLAlchemy; its columns are known."""
        assert self._made is not None  # noqa: S101 (learned before)
        return IteratorResult(self._made, iter(found)).fetchall()

    def _metadata(self, found: Sequence[tuple[str, int]]) -> SimpleResultMetaData:
        columns = self._columns([name for name, _ in found])
        convert = [_converter(kind, oid, entry) for (_, oid), (_, entry, kind) in zip(found, columns, strict=True)]
        names = [name for name, _, _ in columns]
        return SimpleResultMetaData(names, [entry for _, entry, _ in columns], _processors=_unless_none(convert))

    def _columns(self, names: Sequence[str]) -> list[tuple[str, tuple[Any, ...], Any]]:
        """Return name, SQLAlchemy's column and type of each column that is found."""
        told = self._compiled._result_columns  # noqa: SLF001 (what SQLAlchemy's own engine takes)
        if len(told) == len(names) and self._compiled._ordered_columns:  # noqa: SLF001 (the same)
            return [(str(each.keyname), tuple(each.objects), each.type) for each in told]
        known = {each.name: each for each in told}
        return [
            (name, tuple(known[name].objects), known[name].type) if name in known else (name, (), sa.types.NULLTYPE)
            for name in names
        ]


async def run_all(connection: Connection, asked: Sequence[Asked], schema: str) -> Sequence[Sequence[Any]]:
    """Run selects on one snapshot, in one round trip where they can be one statement; return the rows of each."""
    joins = [await each.shape.learn(connection, each) and _is_bare(each.text) for each in asked]
    if all(joins) and sum(len(each.arguments) for each in asked) <= _ARGUMENTS:
        return await _run_together(connection, asked)

    async def read() -> Sequence[Sequence[Any]]:
        return [await each.shape.run(connection, each) for each in asked]

    return await on_snapshot(connection, schema, [each.text for each in asked], read)


async def _run_together(connection: Connection, asked: Sequence[Asked]) -> Sequence[Sequence[Any]]:
    text = _joined(tuple((each.text, len(each.arguments)) for each in asked))
    found = await connection.fetchrow(text, *(argument for each in asked for argument in each.arguments))
    return [each.shape.rows(rows) for each, rows in zip(asked, found, strict=True)]


@lru_cache(maxsize=_KEPT)
def _is_bare(text: str) -> bool:
    """Say whether every $1 in a text is a parameter: none is in a literal or in a name."""
    return "'" not in text and not any("$" in name for name in text.split('"')[1::2])


@lru_cache(maxsize=_KEPT)
def _joined(texts: tuple[tuple[str, int], ...]) -> str:
    """Return one select of an array of rows for each; no column has a blank in its name, so that the row is meant."""
    parts, before = [], 0
    for text, arguments in texts:
        shifted = _PARAMETER.sub(lambda found, by=before: f"${int(found[1]) + by}", text)  # type: ignore[misc]  # mypy infers no default
        parts.append(f'array(select "the row" from ({shifted}) as "the row")')  # noqa: S608 (SQLAlchemy made it)
        before += arguments
    return f"select {', '.join(parts)}"


def _fitting(asked: Asked) -> Asked:
    if len(asked.arguments) > _ARGUMENTS:
        raise StatementError(
            f"PostgreSQL takes {_ARGUMENTS} values in a statement, and it has {len(asked.arguments)}; ask for fewer at "
            f"a time, or for rows by their keys: rows.many(keys)"
        )
    return asked


def _arguments(names: Iterable[str], values: Mapping[str, Any], convert: Mapping[str, Convert]) -> Sequence[Any]:
    return [convert[name](values[name]) if name in convert else values[name] for name in names]


def _converter(kind: Any, oid: int, entry: tuple[Any, ...]) -> Convert | None:
    """Return what makes a value as SQLite would give it back; None where it is one."""
    is_null = isinstance(kind, sa.types.NullType)
    if oid == _NUMERIC and (is_null or isinstance(kind, sa.Integer)):
        if _is_mean(entry):
            return _real
        return None if is_null else _whole
    if is_null:
        return _text if oid in _TEXTS else None
    convert: Convert | None = kind._cached_result_processor(DIALECT, oid)  # noqa: SLF001 (the same)
    return convert


def _is_mean(entry: tuple[Any, ...]) -> bool:
    """Say whether a column is made of means of whole numbers, which are floats in SQLite, and of no Decimal."""
    parts = [part for each in entry if isinstance(each, sa.ColumnElement) for part in _parts(each)]
    return any(map(_averages, parts)) and not any(isinstance(getattr(part, "type", None), Scaled) for part in parts)


def _parts(element: Any) -> Iterator[Any]:
    """Yield what a column is made of, also within the subqueries that it comes from."""
    for part in visitors.iterate(element):
        yield part
        if isinstance(part, sa.ColumnClause):
            for base in part.base_columns - {part}:
                yield from _parts(base)


def _averages(part: Any) -> bool:
    if not isinstance(part, FunctionElement) or getattr(part, "name", "").lower() != "avg":
        return False
    return all(isinstance(each.type, sa.Integer) for each in part.clauses)


def _real(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> Any:
    # SQLAlchemy takes coalesce(avg(price), 0) for a whole number, which it need not be.
    return int(value) if value is not None and value == value.to_integral_value() else value


def _text(value: str | None) -> str | None:
    return None if value is None else unpaired(value)


def _unless_none(convert: Sequence[Convert | None]) -> Any:
    return convert if any(convert) else None
