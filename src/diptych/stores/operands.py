"""Operands: how every store writes values that stand beside columns, and what it refuses to write of Decimals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from diptych.stores.kinds import Scaled, Stored

_ARITHMETIC = (operators.mul, operators.add, operators.sub)


class Operands:
    """Write a value among columns in their form. Mix it into a compiler of statements."""

    def visit_case(self, clause: Any, **kw: Any) -> str:
        """Write CASE, its values like its columns."""
        kind = _kind_of((*(then for _, then in clause.whens), clause.else_))
        if kind is not None:
            _refuse_converted(kind, clause.type, "CASE")
            clause = clause._clone()  # noqa: SLF001 (SQLAlchemy's, for whoever rewrites expressions)
            clause.whens = [(when, _fitted(then, kind)) for when, then in clause.whens]
            clause.else_ = None if clause.else_ is None else _fitted(clause.else_, kind)
        return super().visit_case(clause, **kw)  # type: ignore[misc,no-any-return]  # of the compiler

    def visit_coalesce_func(self, fn: Any, **kw: Any) -> str:
        """Write COALESCE, its values like its columns."""
        return self._fitting("coalesce", fn, **kw)

    def visit_nullif_func(self, fn: Any, **kw: Any) -> str:
        """Write NULLIF in the same way."""
        return self._fitting("nullif", fn, **kw)

    def visit_sum_func(self, fn: Any, **kw: Any) -> str:
        """Write SUM, of truth values as of the numbers 1 and 0."""
        arguments = list(fn.clauses)
        if len(arguments) == 1 and is_truth(arguments[0].type):
            if not isinstance(fn.type, sa.Integer):
                raise TypeError(
                    "SQLAlchemy takes this sum of truth values for one itself, and would return True for it: say what "
                    "it is, func.sum(..., type_=sqlalchemy.Integer)"
                )
            fn = sa.func.sum(sa.cast(arguments[0], sa.Integer()))
        return f"sum{self.function_argspec(fn, **kw)}"  # type: ignore[attr-defined]  # the same

    def visit_binary(self, binary: Any, *args: Any, **kw: Any) -> str:
        """Write an operator."""
        if binary.operator in _ARITHMETIC:
            _refuse_mixed(binary)
        return super().visit_binary(binary, *args, **kw)  # type: ignore[misc,no-any-return]  # the same

    def _fitting(self, name: str, fn: Any, **kw: Any) -> str:
        arguments = list(fn.clauses)
        kind = _kind_of(arguments)
        if kind is not None:
            if not isinstance(fn.type, sa.types.NullType):
                _refuse_converted(kind, fn.type, name.upper())
            arguments = [_fitted(each, kind) for each in arguments]
        return f"{name}({', '.join(self.process(each, **kw) for each in arguments)})"  # type: ignore[attr-defined]  # the same


def is_truth(kind: Any) -> bool:
    """Say whether a type of SQLAlchemy is that of truth values."""
    return isinstance(kind, sa.Boolean) or getattr(kind, "name", "") == "bool"


def _kind_of(beside: Iterable[Any]) -> Stored | None:
    return next((each.type for each in beside if each is not None and isinstance(each.type, Stored)), None)


def _fitted(element: Any, kind: Stored) -> Any:
    """Return a value as one of this kind; whatever is no value, or has a kind already, as it is."""
    if not isinstance(element, sa.BindParameter) or isinstance(element.type, Stored):
        return element
    return element._with_binary_element_type(kind)  # noqa: SLF001 (what SQLAlchemy does beside an operator)


def _refuse_mixed(binary: Any) -> None:
    sides = [side.type for side in (binary.left, binary.right)]
    places = {getattr(side, "places", None) if isinstance(side, Scaled) else None for side in sides}
    scaled = next((side for side in sides if isinstance(side, Scaled)), None)
    if scaled is not None:
        alike = binary.operator is operators.mul or len(places) == 1
        _refuse_converted(scaled, binary.type if alike else sa.Integer(), "arithmetic")


def _refuse_converted(kind: Stored, found: Any, where: str) -> None:
    if isinstance(kind, Scaled) and not isinstance(found, Scaled):
        raise TypeError(
            f"SQLAlchemy takes this {where} of a Decimal of {kind.places} places for {found!r}, as which its stored "
            f"form would be returned: put the Decimal first, in CASE last, or sa.type_coerce(value, column.type)"
        )
