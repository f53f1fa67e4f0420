"""Past: what a query may read when it asks as of a position; it is refused what would show the present."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from diptych.errors import NoHistoryError
from diptych.model.projections import Key, ReadModel

Refolding = Callable[[ReadModel[Any], Sequence[Key], int], Awaitable[Mapping[Key, Any]]]
"""Return the rows that existed among some keys at a position, by folding their events again."""
_DECLARE = "declare it with history=True, or ask for rows by key: they are folded again"


def is_kept(model: ReadModel[Any]) -> bool:
    """Say whether the store keeps the versions of rows; append-only ones have one each, and it is the row."""
    return model.history or model.append_only


def refuse_present(statements: Sequence[Any], models: Mapping[str, ReadModel[Any]]) -> None:
    """Raise NoHistoryError where a `select()` reads anything of which no past is kept, or that cannot be seen."""
    for part in (part for each in statements for part in visitors.iterate(each)):
        if _is_text(part):
            fix = "nobody sees which tables it reads; write it with the tables of read models"
            raise NoHistoryError("", "a statement with SQL as text", fix=fix)
        if isinstance(part, sa.TableClause):
            if getattr(part, "schema", None) is not None:  # by that name SQL passes the versions by
                raise NoHistoryError(part.name, f"a select() over {part.fullname!r}", fix="name it without a schema")
            _refuse(part.name, models.get(part.name))


def _refuse(table: str, model: ReadModel[Any] | None) -> None:
    if model is None:
        raise NoHistoryError(table, f"a select() over {table!r}", fix="it is the table of no read model")
    if " " in model.projection:
        fix = "it is refreshed as a whole; ask the read models under it, with history=True"
        raise NoHistoryError(table, f"a select() over the view {table!r}", fix=fix)
    if not is_kept(model):
        raise NoHistoryError(table, f"a list or select() over {table!r}, which keeps no history,", fix=_DECLARE)


def _is_text(part: Any) -> bool:
    if isinstance(part, sa.TextClause):
        return True
    return isinstance(part, sa.ColumnClause) and part.is_literal and "select" in part.name.lower()
