"""Tables: read models as tables of SQLAlchemy Core, and compiled conversions between rows and their objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from diptych.model.projections import Key, ReadModel
from diptych.model.pydantic import maker_of
from diptych.model.rows import NUMBER, Column, computations_of
from diptych.stores.columns import is_json, kind_of, storage_of
from diptych.stores.indexes import directed, with_declared
from diptych.stores.kinds import POSTGRES, SQLITE

Encode = Callable[[Key, Any], tuple[Any, ...]]
"""Return the stored values of a row, one per column: `encode(key, row)`."""
Decode = Callable[[tuple[Any, ...]], Any]
"""Make a row from its stored fields, in the order of `fields`."""


def table_of(model: ReadModel[Any], *, name: str | None = None, suffix: str = "", dialect: str = SQLITE) -> sa.Table:
    """Return the table of a read model, under its logical name or, for one generation, a physical one.

    Columns are typed, keyed and indexed as the row's annotations and the read model say, for one database.
    """
    wide = dialect == POSTGRES or any(is_json(column) for column in model.columns)
    table = sa.Table(
        name or model.name,
        sa.MetaData(),
        *_columns(model),
        sa.PrimaryKeyConstraint(*model.key),
        sqlite_strict=True,
        # A row with JSON may fill pages: those stay out of the key's tree. Narrow rows live in it: one search, not two.
        sqlite_with_rowid=wide,
    )
    return _indexed(table, model, suffix, end=model.key if wide else (), dialect=dialect)


def numbered_table_of(model: ReadModel[Any], *, name: str, suffix: str) -> sa.Table:
    """Return the table of one generation of a read model whose rows have a number besides, which nothing moves."""
    table = sa.Table(
        name,
        sa.MetaData(),
        sa.Column(NUMBER, sa.Integer, primary_key=True),
        *_columns(model),
        sa.UniqueConstraint(*model.key),
        sqlite_strict=True,
    )
    # In a narrow table every index ends in the key by itself; here it is told to, so that equal rows come by key.
    return _indexed(table, model, suffix, end=model.key, dialect=SQLITE)


def searched(model: ReadModel[Any]) -> tuple[Column, ...]:
    """Return the columns whose words are searched."""
    return tuple(column for column in model.columns if column.weight is not None)


def _columns(model: ReadModel[Any]) -> list[sa.Column[Any]]:
    return [_column(column, column.name in model.key) for column in model.columns]


def _column(column: Column, key: bool) -> sa.Column[Any]:  # noqa: FBT001 (internal)
    return sa.Column(
        column.name,
        kind_of(column),
        nullable=column.optional and not key,
        autoincrement=False,
    )


def _indexed(table: sa.Table, model: ReadModel[Any], suffix: str, *, end: tuple[str, ...], dialect: str) -> sa.Table:
    for column in model.columns:
        if column.indexed or column.unique:
            names = (column.name,) if column.unique else (column.name, *end)
            _index(table, f"{model.name}__by_{column.name}{suffix}", names, dialect, unique=column.unique)
    for group in model.indexes:
        _index(table, f"{model.name}__by_{'_and_'.join(group)}{suffix}", (*group, *end), dialect, unique=False)
    return with_declared(table, model, suffix, dialect)


def _index(table: sa.Table, name: str, columns: Iterable[str], dialect: str, *, unique: bool) -> None:
    sa.Index(name, *(directed(each, table, dialect) for each in dict.fromkeys(columns)), unique=unique)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Hold the compiled conversions of a read model: rows there and back, keys there and back."""

    fields: tuple[str, ...]
    encode: Encode
    decode: Decode
    encode_key: Callable[[Key], tuple[Any, ...]]
    decode_key: Callable[[tuple[Any, ...]], Key]


@lru_cache(maxsize=512)
def conversion_of(model: ReadModel[Any], dialect: str = SQLITE) -> Conversion:
    """Compile the conversions of a read model: one expression each, so that no type is looked at per row."""
    names: dict[str, Any] = {"row_type": maker_of(model.row), "misplaced": _misplaced(model)}
    columns, derived = [(f"c{at}", column) for at, column in enumerate(model.columns)], computations_of(model.row)
    for at, column in columns:
        storage = storage_of(column, dialect)
        names[f"{at}_in"], names[f"{at}_out"] = storage.to_store, storage.from_store
        names[f"{at}_of"] = derived[column.name] if column.computed else None
    stored = [(at, column) for at, column in columns if not column.computed and not _added(model, column)]
    keyed = [next(pair for pair in columns if pair[1].name == name) for name in model.key]
    source = {
        "encode": f"lambda key, row: ({_all(_encoded(names, model, at, column) for at, column in columns)})",
        "decode": f"lambda t: row_type({_all(_decoded(names, i, *each) for i, each in enumerate(stored))})",
        "encode_key": f"lambda k: ({_all(_through(names, f'{at}_in', f'k[{i}]') for i, (at, _) in enumerate(keyed))})",
        "decode_key": f"lambda t: ({_all(_through(names, f'{at}_out', f't[{i}]') for i, (at, _) in enumerate(keyed))})",
    }
    names.update({f"{at}_{way}": names[f"{at}_{way}"] or _same for at, _ in columns for way in ("in", "out")})
    # The sources are made of column names (identifiers) and of numbers only; evaluating them saves a call per column.
    made = {name: eval(text, dict(names)) for name, text in source.items()}  # noqa: S307 (see above)
    return Conversion(fields=tuple(column.name for _, column in stored), **made)


def _encoded(names: dict[str, Any], model: ReadModel[Any], at: str, column: Column) -> str:
    if _added(model, column):
        return f"key[{model.key.index(column.name)}]"
    value = f"{at}_of(row)" if column.computed else f"row.{column.name}"
    plain = names[f"{at}_in"] is None
    if column.name in model.key:
        part = f"key[{model.key.index(column.name)}]"
        return f"({'v' if plain else f'{at}_in(v)'} if (v := {value}) == {part} else misplaced(key, row))"
    if plain:
        return value
    if column.optional:
        return f"(None if (v := {value}) is None else {at}_in(v))"
    return f"{at}_in({value})"


def _decoded(names: dict[str, Any], index: int, at: str, column: Column) -> str:
    if names[f"{at}_out"] is None:
        return f"{column.name}=t[{index}]"
    if column.optional:
        return f"{column.name}=None if t[{index}] is None else {at}_out(t[{index}])"
    return f"{column.name}={at}_out(t[{index}])"


def _through(names: dict[str, Any], converter: str, value: str) -> str:
    return value if names[converter] is None else f"{converter}({value})"


def _added(model: ReadModel[Any], column: Column) -> bool:
    return model.append_only and column.name in model.key


def _misplaced(model: ReadModel[Any]) -> Callable[[Key, Any], Any]:
    def refuse(key: Key, row: Any) -> Any:
        raise ValueError(f"the fold of {model.name!r} for key {key} returned a row with key {model.key_of(row)}")

    return refuse


def _same(value: Any) -> Any:
    return value


def _all(parts: Iterable[str]) -> str:
    return "".join(f"{part}, " for part in parts)
