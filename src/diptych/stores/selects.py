"""Selects: whether what a view's `select()` returns fits the columns of its rows, looked at before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.rows import Column
from diptych.model.views import MaterialisedView
from diptych.stores.columns import kind_of
from diptych.stores.kinds import Converted, Letters, Scaled

_ADDING = ("sum", "total", "avg", "min", "max")
_ALIKE: Mapping[Any, Any] = {bool: sa.Boolean, date: sa.Date, time: sa.Time}


def refuse_unfit(view: MaterialisedView[Any], statement: Any) -> None:
    """Raise WiringError where the columns of a select are not those of the view's rows, by name and type."""
    found = {column.name: column for column in statement.selected_columns}
    wanted = {column.name: column for column in view.model.columns if not column.computed}
    if len(found) != len(statement.selected_columns) or found.keys() != wanted.keys():
        raise _misnamed(view, [column.name for column in statement.selected_columns], list(wanted))
    for part in visitors.iterate(statement):
        _refuse_inexact(view, part)
    for name, column in wanted.items():
        if not _fits(found[name].type, column):
            raise _mistyped(view, column, found[name].type)


def _fits(kind: Any, column: Column) -> bool:
    stored: Any = kind_of(column)
    if isinstance(stored, Scaled):
        return isinstance(kind, Scaled) and kind.places == stored.places
    if isinstance(stored, Converted):
        same = isinstance(kind, Converted) and kind.name == stored.name
        return same or isinstance(kind, _ALIKE.get(column.type, ()))
    if isinstance(stored, Letters):
        return isinstance(kind, (Letters, sa.String))
    if isinstance(stored, sa.Float):
        return isinstance(kind, (sa.Float, sa.Integer))
    return any(isinstance(kind, each) and isinstance(stored, each) for each in (sa.Integer, sa.LargeBinary))


def _refuse_inexact(view: MaterialisedView[Any], part: Any) -> None:
    """Refuse what SQLite would compute on the stored form of a Decimal: a scaled whole number, or text."""
    if isinstance(part, sa.Cast):
        inner, names = [part.clause], {"cast"}
    elif isinstance(part, FunctionElement):
        inner, names = list(part.clauses), {str(getattr(part, "name", "")).lower()}
    else:
        return
    scaled = any(isinstance(each.type, Scaled) for each in inner)
    text = any(isinstance(each.type, Converted) and each.type.name == Decimal.__name__.lower() for each in inner)
    if (scaled and names & {"avg", "total", "cast"}) or (text and names & {"cast", *_ADDING}):
        raise WiringError(
            f"the select of view {view.name!r} takes the {names.pop()} of a Decimal, which would be that of its stored "
            f"form",
            where=place_of(view.function),
            fix="give the Decimal a Scale, select its sum and the count, and divide in a @computed column of the row",
        )


def _misnamed(view: MaterialisedView[Any], found: list[str], wanted: list[str]) -> WiringError:
    row = view.model.row.__qualname__
    lacking = [name for name in wanted if name not in found]
    beyond = [name for name in found if name not in wanted or found.count(name) > 1]
    told = [f"lacks {', '.join(lacking)}"] if lacking else []
    told += [f"has {', '.join(dict.fromkeys(beyond))}, which {row} has not, or not twice"] if beyond else []
    return WiringError(
        f"the select of view {view.name!r} {' and '.join(told)}",
        where=place_of(view.function),
        fix=f"select the fields of {row}, each once, by .label(...) where need be: {', '.join(wanted)}",
    )


def _mistyped(view: MaterialisedView[Any], column: Column, kind: Any) -> WiringError:
    wanted = getattr(column.type, "__name__", str(column.type)) + (f", Scale({column.scale})" if column.scale else "")
    unknown = isinstance(kind, sa.types.NullType)
    found = "no type that SQLAlchemy knows" if unknown else _shown(kind)
    return WiringError(
        f"column {column.name!r} of view {view.name!r} is {wanted} in {view.model.row.__qualname__}, and its select "
        f"returns {found}",
        where=place_of(view.function),
        fix="name the type: sa.func.name(..., type_=sa.Integer), sa.type_coerce(..., other.c.column.type)"
        if unknown
        else f"select a column of that type, or change the type of {column.name} in the row",
    )


def _shown(kind: Any) -> str:
    if isinstance(kind, Scaled):
        return f"Decimal, Scale({kind.places})"
    if isinstance(kind, Converted):
        return kind.name
    return repr(sa.Text() if isinstance(kind, Letters) else kind)
