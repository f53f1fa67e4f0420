"""The dialect of rows: how SQLAlchemy writes statements over read models for asyncpg."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

_Types: Any = PGDialect_asyncpg.type_compiler_cls
_Statements: Any = PGDialect_asyncpg.statement_compiler


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


class RowStatements(_Statements):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Write the functions by which SQLite finds what a specification asks for, and values within a text."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value; SQLAlchemy knows no form for bytes that are no text."""
        if isinstance(value, bytes):
            return f"'\\x{value.hex()}'::bytea"
        written: str = super().render_literal_value(value, type_)
        return written

    def visit_instr_func(self, fn: Any, **kw: Any) -> str:
        """Find a part of a text."""
        return f"strpos{self.function_argspec(fn, **kw)}"


class RowDialect(PGDialect_asyncpg):
    """Write statements over read models."""

    statement_compiler = RowStatements
    type_compiler_cls = RowTypes
    supports_statement_cache = True
    _backslash_escapes = False  # every server since 9.1 takes backslashes in literals as they are


DIALECT: sa.Dialect = RowDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's


def text_of(statement: Any) -> str:
    """Return a statement as text; its parameters are numbered in the order in which they stand there."""
    return str(statement.compile(dialect=DIALECT))


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return DIALECT.identifier_preparer.quote(name)
