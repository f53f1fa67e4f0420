"""The text index of a read model: an FTS5 table beside each generation, kept by triggers, behind a view of its own.

It stores words only, and looks the texts up in the generation's table by the number of the row. The triggers stand in
the database, so that no way of writing a row passes the index by. While a generation is built nobody searches it: it is
filled at the end, all rows at once, which takes a tenth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import sqlite

from diptych.model.projections import ReadModel
from diptych.stores.sqlite.connection import sql
from diptych.stores.tables import searched

_QUOTE = sqlite.dialect().identifier_preparer.quote_identifier


@dataclass(frozen=True, slots=True)
class TextIndex:
    """Hold the statements of the text index of one generation.

    `create` makes it empty, `fill` takes in all rows and keeps to their changes from then on, `weigh` sets the weights
    of its columns.
    """

    create: tuple[str, ...]
    fill: tuple[str, ...]
    weigh: str


def view_of(name: str) -> str:
    """Return the name of the view over the index of a read model's live generation; no read model can have it."""
    return f"{name}$text"


def text_index_of(model: ReadModel[Any], table: str) -> TextIndex | None:
    """Compile the text index over the table of one generation; None for rows without FullText."""
    columns = searched(model)
    if not columns:
        return None
    names = [_QUOTE(column.name) for column in columns]
    parts = {
        "index": _QUOTE(view_of(table)),
        "table": _QUOTE(table),
        "content": _QUOTE(table),
        "view": _QUOTE(view_of(model.name)),
        "columns": ", ".join(names),
        "new": ", ".join(f"new.{name}" for name in names),
        "old": ", ".join(f"old.{name}" for name in names),
        "changed": " or ".join(f"new.{name} is not old.{name}" for name in names),
        "weights": ", ".join(repr(float(column.weight or 0)) for column in columns),
    }
    kept = [_filled(f"text_{way}", parts, trigger=_QUOTE(f"{table}$text_{way}")) for way in _WAYS]
    weigh = sql("rows_weigh_text").format(**parts)
    fill = sql("rows_fill_text").format(**parts)
    return TextIndex((_filled("text", parts), _filled("text_view", parts), weigh), (fill, *kept), weigh)


def text_drop_of(name: str, table: str) -> tuple[str, ...]:
    """Return the statements that drop the text index of one generation, where it has one; the triggers go with it."""
    return (f"drop view if exists {_QUOTE(view_of(name))}", f"drop table if exists {_QUOTE(view_of(table))}")


_WAYS = ("insert", "update", "delete")


def _filled(name: str, parts: dict[str, str], **more: str) -> str:
    return sql(f"rows_create_{name}").format(**parts, **more)
