"""Conditions: a specification as a condition of SQL, which holds for exactly the rows that it holds for in memory.

Negations are pushed inward, so that every comparison stands bare, where an index finds it; only a negated one says what
becomes of NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, assert_never

import sqlalchemy as sa

from diptych.model.predicates import Absent, Among, Compared, Every, Opposite, Predicate, Some
from diptych.model.rows import Column
from diptych.model.specifications import Specification

Condition = sa.ColumnElement[bool]
_SIGNS: dict[str, Callable[[Any, Any], Condition]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_LAST, _SURROGATES, _BEHIND = 0x10FFFF, 0xD800, 0xE000
_DIGITS = 19  # of the largest whole number of 64 bits


def condition(specification: Specification[Any], table: sa.FromClause) -> Condition:
    """Return the specification as a condition over a table with the columns of its rows.

    Raises TypeError while a parameter is not bound, or for a column that the table lacks.
    """
    return _holds(specification.settled(), table)


def _holds(predicate: Predicate, table: sa.FromClause) -> Condition:
    match predicate:
        case Every(parts):
            return sa.and_(*(_holds(part, table) for part in parts))
        case Some(parts):
            return sa.or_(*(_holds(part, table) for part in parts))
        case Opposite(part):
            return _fails(part, table)
        case Absent(column):
            return _of(column, table).is_(None)
        case Among(column, values, absent):
            found = _among(column, values, table)
            return sa.or_(found, _of(column, table).is_(None)) if absent else found
        case Compared(column, sign, operand):
            return _compared(column, sign, operand, table)
        case _:
            assert_never(predicate)


def _fails(predicate: Predicate, table: sa.FromClause) -> Condition:
    match predicate:
        case Every(parts):
            return sa.or_(*(_fails(part, table) for part in parts))
        case Some(parts):
            return sa.and_(*(_fails(part, table) for part in parts))
        case Opposite(part):
            return _holds(part, table)
        case Absent(column):
            return _of(column, table).is_not(None)
        case Among(column, values, absent):
            others = _not_among(column, values, table)
            return sa.and_(others, _of(column, table).is_not(None)) if absent else _or_absent(others, table, column)
        case Compared(column, sign, Column() as other):
            opposite = _SIGNS[_NEGATED[sign]](_of(column, table), _of(other, table))
            return _or_absent(opposite, table, column, other)
        case Compared(column, sign, operand):
            return _or_absent(_not_compared(column, sign, operand, table), table, column)
        case _:
            assert_never(predicate)


def _compared(column: Column, sign: str, operand: Any, table: sa.FromClause) -> Condition:
    of = _of(column, table)
    if sign == "starts_with":
        return _between(of, operand)
    if sign == "contains":
        return sa.func.instr(of, _bound(operand, of)) > 0
    if isinstance(operand, Column):
        return _SIGNS[sign](of, _of(operand, table))
    if column.scale is not None:
        return _scaled(of, sign, operand, column.scale)
    return _SIGNS[sign](of, _bound(operand, of))


def _not_compared(column: Column, sign: str, operand: Any, table: sa.FromClause) -> Condition:
    """Return what holds of present values for which the comparison does not."""
    of = _of(column, table)
    if sign == "starts_with":
        return _outside(of, operand)
    if sign == "contains":
        return sa.func.instr(of, _bound(operand, of)) == 0
    return _compared(column, _NEGATED[sign], operand, table)


def _scaled(of: sa.ColumnElement[Any], sign: str, wanted: Decimal, places: int) -> Condition:
    """Compare with the next lower value that has the column's places; nothing is equal to what has more places."""
    floor = _floor(wanted, places)
    if floor is None:
        met = {"!=", ">", ">="} if wanted.is_signed() else {"!=", "<", "<="}
        return of.is_not(None) if sign in met else sa.false()
    if floor == wanted:
        return _SIGNS[sign](of, _bound(floor, of))
    match sign:
        case "==":
            return sa.false()
        case "!=":
            return of.is_not(None)
        case "<" | "<=":
            return of <= _bound(floor, of)
        case _:
            return of > _bound(floor, of)


def _floor(wanted: Decimal, places: int) -> Decimal | None:
    """Return the largest value of these places that is not above; None beyond what 64 bits hold."""
    if not wanted:
        return Decimal(0)
    if wanted.adjusted() + places >= _DIGITS:
        return None
    sign, digits, exponent = wanted.as_tuple()
    moved = Decimal((sign, digits, int(exponent) + places))  # exact, whatever the context
    whole = int(moved.to_integral_value(rounding=ROUND_FLOOR))
    if not -(1 << 63) <= whole < 1 << 63:
        return None
    low, tail, _ = Decimal(whole).as_tuple()
    return Decimal((low, tail, -places))


def _among(column: Column, values: Any, table: sa.FromClause) -> Condition:
    of = _of(column, table)
    return of.in_(_members(column, values)) if values else sa.false()


def _not_among(column: Column, values: Any, table: sa.FromClause) -> Condition:
    of = _of(column, table)
    return of.not_in(_members(column, values)) if values else of.is_not(None)


def _members(column: Column, values: Any) -> list[Any]:
    """Return the values that the column can have, always in one order: a partial index is found by its very text."""
    if column.scale is None:
        return sorted(values, key=repr)
    floors = ((each, _floor(each, column.scale)) for each in values)
    return sorted(floor for each, floor in floors if floor is not None and floor == each)


def _between(of: sa.ColumnElement[Any], start: str) -> Condition:
    end = _behind(start)
    if not start:
        return of.is_not(None)
    return of >= _bound(start, of) if end is None else sa.and_(of >= _bound(start, of), of < _bound(end, of))


def _outside(of: sa.ColumnElement[Any], start: str) -> Condition:
    end = _behind(start)
    if not start:
        return sa.false()
    return of < _bound(start, of) if end is None else sa.or_(of < _bound(start, of), of >= _bound(end, of))


def _behind(start: str) -> str | None:
    """Return the first text, by code point, behind all that start like this; None when there is none."""
    kept = start.rstrip(chr(_LAST))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_BEHIND if following == _SURROGATES else following)


def _or_absent(opposite: Condition, table: sa.FromClause, *columns: Column) -> Condition:
    return sa.or_(opposite, *(_of(column, table).is_(None) for column in columns if _may_lack(column, table)))


def _may_lack(column: Column, table: sa.FromClause) -> bool:
    return bool(getattr(_of(column, table), "nullable", True))


def _bound(value: Any, of: sa.ColumnElement[Any]) -> sa.BindParameter[Any]:
    return sa.literal(value, of.type)


def _of(column: Column, table: sa.FromClause) -> sa.ColumnElement[Any]:
    found: sa.ColumnElement[Any] | None = table.c.get(column.name)
    if found is None:
        raise TypeError(f"table {table} has no column {column.name!r}; it has {', '.join(table.c.keys())}")
    return found
