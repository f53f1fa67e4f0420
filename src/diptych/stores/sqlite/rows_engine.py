"""The engine of rows: how SQLAlchemy writes and runs users' statements on a connection to SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.functions import FunctionElement

from diptych.stores.kinds import Scaled
from diptych.stores.operands import Operands

_Statements: Any = sqlite.dialect.statement_compiler
_INEXACT = ("avg", "total", "round")


class RowStatements(Operands, _Statements):  # type: ignore[misc]  # SQLAlchemy's, which it does not type
    """Write statements; refuse what would be that of a Decimal's stored form, a whole number."""

    def visit_function(self, func: Any, *args: Any, **kw: Any) -> str:
        """Write a function whose result is no Decimal only where none goes in."""
        if isinstance(func, FunctionElement) and any(isinstance(each.type, Scaled) for each in func.clauses):
            if func.name.lower() in _INEXACT:
                raise _inexact(func.name, "select the sum and the count, and compute the rest in Python")
            if isinstance(func.type, sa.types.NullType):
                raise _inexact(
                    func.name, f"where it is one of the values, say so: func.{func.name}(..., type_=column.type)"
                )
        written: str = super().visit_function(func, *args, **kw)
        return written

    def visit_cast(self, cast: Any, **kw: Any) -> str:
        """Write a cast, unless it is one of a Decimal."""
        if isinstance(cast.clause.type, Scaled) and not isinstance(cast.type, Scaled):
            raise _inexact("cast", "make something else of it in Python, or in a computed column")
        written: str = super().visit_cast(cast, **kw)
        return written


def engine_of(connection: sqlite3.Connection) -> sa.Engine:
    """Return an engine that runs on this connection, and leaves its transactions and its end to others."""
    # No reset: collected, the pool would roll back on a connection that is closed, or that a writer shares.
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, pool_reset_on_return=None)
    engine.dialect.statement_compiler = RowStatements
    return engine


def _inexact(name: str, fix: str) -> TypeError:
    return TypeError(f"the {name} of a Decimal would be that of its stored form, a whole number; {fix}")
