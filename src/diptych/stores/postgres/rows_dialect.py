"""The dialect of rows: how SQLAlchemy writes statements over read models for asyncpg."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ClauseList, Grouping, UnaryExpression

from diptych.stores.columns import ENDS
from diptych.stores.letters import paired, unpaired
from diptych.stores.operands import Operands, is_truth

_Types: Any = PGDialect_asyncpg.type_compiler_cls
_Statements: Any = PGDialect_asyncpg.statement_compiler
_PLACED = (operators.nulls_first_op, operators.nulls_last_op)
_SHORT: Mapping[str, Collection[int]] = {
    **dict.fromkeys(("lag", "lead", "left", "lpad", "nth_value", "repeat", "right", "round", "rpad"), (1,)),
    **dict.fromkeys(("substr", "substring"), (1, 2)),
    "ntile": (0,),
}
"""Which arguments of functions are whole numbers of 32 bits."""


class RowTypes(_Types):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Name types so that every store keeps and sorts alike: whole numbers of 64 bits, text by code points."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802 (SQLAlchemy's signature)
        """Name whole numbers."""
        return "BIGINT"

    def visit_short(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002 (SQLAlchemy's signature)
        """Name whole numbers that functions take."""
        return "INTEGER"

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802 (SQLAlchemy's signature)
        """Name text; its columns say how they sort, and what is compared with them follows."""
        return 'TEXT COLLATE "C"' if isinstance(kw.get("type_expression"), sa.Column) else "TEXT"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802 (SQLAlchemy's signature)
        """Name text without a bound, whatever SQLAlchemy makes of it on its way."""
        bounded: str = self.visit_TEXT(type_, **kw) if type_.length is None else super().visit_VARCHAR(type_, **kw)
        return bounded


class Short(sa.Integer):
    """Be a whole number of 32 bits."""

    __visit_name__ = "short"


class RowText(sa.String):
    """Let any text through that Python has: PostgreSQL keeps no NUL."""

    render_bind_cast = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return what makes text fit on its way into a statement."""
        return lambda value: paired(value) if isinstance(value, str) else value

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """Return what writes text into a statement."""
        written: Any = super().literal_processor(dialect)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        return lambda value: written(paired(value))

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return what gives text back as it was given."""
        return lambda value: None if value is None else unpaired(value)


class RowStatements(Operands, _Statements):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Write statements that find what they find in SQLite, in the same order."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value within a text; SQLAlchemy knows no form for bytes that are none, nor for the ends of time."""
        if isinstance(value, bytes):
            return f"'\\x{value.hex()}'::bytea"
        if isinstance(value, date) and value in ENDS:
            return f"'{ENDS[value]}'"
        written: str = super().render_literal_value(value, type_)
        return written

    def visit_instr_func(self, fn: Any, **kw: Any) -> str:
        """Find a part of a text."""
        return f"strpos{self.function_argspec(fn, **kw)}"

    def visit_max_func(self, fn: Any, **kw: Any) -> str:
        """Find the largest, also of what PostgreSQL cannot compare so."""
        return self._extreme(fn, "max", "bool_or", **kw)

    def visit_min_func(self, fn: Any, **kw: Any) -> str:
        """Find the smallest, in the same way."""
        return self._extreme(fn, "min", "bool_and", **kw)

    def visit_cast(self, cast: Any, **kw: Any) -> str:
        """Write a cast; of a float that becomes a whole number, what is behind its point is cut off, as in Python."""
        if isinstance(cast.clause.type, sa.Float) and isinstance(cast.type, sa.Integer):
            cut = sa.func.trunc(cast.clause, type_=sa.Numeric())
            return f"CAST({self.process(cut, **kw)} AS BIGINT)"
        if is_truth(cast.clause.type) and isinstance(cast.type, sa.Integer) and not isinstance(cast.type, Short):
            return f"CAST({self.process(sa.cast(cast.clause, Short()), **kw)} AS BIGINT)"
        written: str = super().visit_cast(cast, **kw)
        return written

    def visit_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Take backslashes as they are, unless the statement names what escapes."""
        return self._unescaped(super().visit_like_op_binary(binary, operator, **kw), binary)

    def visit_not_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Take backslashes as they are."""
        return self._unescaped(super().visit_not_like_op_binary(binary, operator, **kw), binary)

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Take backslashes as they are."""
        return self._unescaped(super().visit_ilike_op_binary(binary, operator, **kw), binary)

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Take backslashes as they are."""
        return self._unescaped(super().visit_not_ilike_op_binary(binary, operator, **kw), binary)

    def visit_function(self, func: Any, *args: Any, **kw: Any) -> str:
        """Give functions the whole numbers that they take: of 32 bits, where ours have 64."""
        places = _SHORT.get(func.name.lower())
        written: str = super().visit_function(func if places is None else _shortened(func, places), *args, **kw)
        return written

    def order_by_clause(self, select: Any, **kw: Any) -> str:
        """Order rows; None comes before every value, as in SQLite, unless the statement says where."""
        clauses = map(_placed, select._order_by_clauses)  # noqa: SLF001 (SQLAlchemy's, for whoever writes them)
        written = ", ".join(self.process(each, **kw) for each in clauses)
        return f" ORDER BY {written}" if written else ""

    def visit_over(self, over: Any, *, bare: bool = False, **kw: Any) -> str:
        """Order the rows of a window in the same way."""
        written = super().visit_over(over if over.order_by is None else _ordered(over), bare=True, **kw)
        return written if bare else _from_text(written, over.element)

    def visit_funcfilter(self, funcfilter: Any, *, bare: bool = False, **kw: Any) -> str:
        """Write what counts only some rows."""
        written = super().visit_funcfilter(funcfilter, bare=True, **kw)
        return written if bare else _from_text(written, funcfilter.func)

    def visit_aggregateorderby(self, aggregateorderby: Any, **kw: Any) -> str:
        """Order what is aggregated in the same way."""
        written: str = super().visit_aggregateorderby(_ordered(aggregateorderby), **kw)
        return written

    def _unescaped(self, written: str, binary: Any) -> str:
        return written if binary.modifiers.get("escape") is not None else f"{written} ESCAPE ''"

    def _extreme(self, fn: Any, name: str, of_truth: str, *, bare: bool = False, **kw: Any) -> str:
        """Write max or min; `bare` is one whose OVER or FILTER follows, after which it is made what it was."""
        arguments = self.function_argspec(fn, **kw)
        form = _text_form(fn)
        if form is None:
            of = next(iter(fn.clauses)).type if len(fn.clauses) == 1 else None
            return f"{of_truth if is_truth(of) else name}{arguments}"
        written = f'{name}({form.there.format(arguments)} collate "C")'
        return written if bare else _from_text(written, fn)


class TextForm(NamedTuple):
    """Say how values are made texts that sort as they do, and made again of those."""

    there: str
    back: str


_UUIDS, _BYTES = TextForm("{}::text", "({})::uuid"), TextForm("encode({}, 'hex')", "decode({}, 'hex')")


def _text_form(fn: Any) -> TextForm | None:
    """Return the form of an extreme that PostgreSQL has not before 18."""
    if getattr(fn, "name", "").lower() not in ("max", "min") or len(fn.clauses) != 1:
        return None
    kind = next(iter(fn.clauses)).type
    if isinstance(kind, sa.LargeBinary):
        return _BYTES
    return _UUIDS if getattr(kind, "name", "") == "uuid" else None


def _from_text(written: str, element: Any) -> str:
    form = _text_form(getattr(element, "func", element))
    return written if form is None else form.back.format(written)


def _ordered(clause: Any) -> Any:
    made = clause._clone()  # noqa: SLF001 (SQLAlchemy's, for whoever rewrites expressions)
    made.order_by = ClauseList(*map(_placed, clause.order_by.clauses))
    return made


def _shortened(func: Any, places: Collection[int]) -> Any:
    made = func._clone()  # noqa: SLF001 (the same)
    arguments = [sa.cast(each, Short()) if at in places else each for at, each in enumerate(func.clauses)]
    made.clause_expr = Grouping(ClauseList(*arguments))
    return made


def _placed(clause: Any) -> Any:
    """Return what orders, with a place for None: PostgreSQL's own is the other end."""
    down, inner = False, clause
    while not isinstance(inner, sa.Column):
        if isinstance(inner, sa.TextClause) or getattr(inner, "modifier", None) in _PLACED:
            return clause
        down = down or getattr(inner, "modifier", None) is operators.desc_op
        if not isinstance(getattr(inner, "element", None), sa.ClauseElement):
            break
        inner = inner.element
    if getattr(inner, "nullable", True) is False:
        return clause
    return UnaryExpression(clause, modifier=operators.nulls_last_op if down else operators.nulls_first_op)


class RowDialect(PGDialect_asyncpg):
    """Write statements over read models."""

    statement_compiler = RowStatements
    type_compiler_cls = RowTypes
    colspecs = PGDialect_asyncpg.colspecs | {sa.String: RowText}
    supports_statement_cache = True
    _backslash_escapes = False  # every server since 9.1 takes backslashes in literals as they are


DIALECT: sa.Dialect = RowDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's


def text_of(statement: Any) -> str:
    """Return a statement as text; its parameters are numbered in the order in which they stand there."""
    return str(statement.compile(dialect=DIALECT))


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return DIALECT.identifier_preparer.quote(name)
