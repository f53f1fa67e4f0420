"""The dialect of rows: how SQLAlchemy writes statements over read models for asyncpg."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql import operators

from diptych.stores.letters import paired, unpaired

_Types: Any = PGDialect_asyncpg.type_compiler_cls
_Statements: Any = PGDialect_asyncpg.statement_compiler
_PLACED = (operators.nulls_first_op, operators.nulls_last_op)


class RowTypes(_Types):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Name types so that every store keeps and sorts alike: whole numbers of 64 bits, text by code points."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802 (SQLAlchemy's signature)
        """Name whole numbers."""
        return "BIGINT"

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802 (SQLAlchemy's signature)
        """Name text; its columns say how they sort, and what is compared with them follows."""
        return 'TEXT COLLATE "C"' if isinstance(kw.get("type_expression"), sa.Column) else "TEXT"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802 (SQLAlchemy's signature)
        """Name text without a bound, whatever SQLAlchemy makes of it on its way."""
        bounded: str = self.visit_TEXT(type_, **kw) if type_.length is None else super().visit_VARCHAR(type_, **kw)
        return bounded


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


class RowStatements(_Statements):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Write statements that find what they find in SQLite, in the same order."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value within a text; SQLAlchemy knows no form for bytes that are none."""
        if isinstance(value, bytes):
            return f"'\\x{value.hex()}'::bytea"
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

    def order_by_clause(self, select: Any, **kw: Any) -> str:
        """Order rows; None comes before every value, as in SQLite, unless the statement says where."""
        clauses = select._order_by_clauses  # noqa: SLF001 (SQLAlchemy's, for whoever writes them)
        written = [f"{self.process(each, **kw)}{_place_of_none(each)}" for each in clauses]
        return f" ORDER BY {', '.join(written)}" if written else ""

    def _extreme(self, fn: Any, name: str, of_truth: str, **kw: Any) -> str:
        kind = getattr(next(iter(fn.clauses)).type, "name", "") if len(fn.clauses) == 1 else ""
        arguments = self.function_argspec(fn, **kw)
        if kind == "uuid":  # before 18 it has no largest; as text it sorts alike
            return f"{name}({arguments}::text)::uuid"
        return f"{of_truth if kind == 'bool' else name}{arguments}"


def _place_of_none(clause: Any) -> str:
    down = False
    while not isinstance(clause, sa.Column):
        if isinstance(clause, sa.TextClause) or getattr(clause, "modifier", None) in _PLACED:
            return ""
        down = down or getattr(clause, "modifier", None) is operators.desc_op
        if not isinstance(getattr(clause, "element", None), sa.ClauseElement):
            break
        clause = clause.element
    if getattr(clause, "nullable", True) is False:
        return ""
    return " NULLS LAST" if down else " NULLS FIRST"


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
