"""Text search: the expressions of FTS5 that a text is looked for by, and the index as statements name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.model.rows import NUMBER
from diptych.stores.sqlite.text_index import view_of
from diptych.stores.text_pages import BEGUN, FOUND, WHOLE, asked_words, unless_cut


class Needles(NamedTuple):
    """The expressions of FTS5 that one text is looked for by.

    `whole` finds the rows that hold every word, `begun` those that hold only the beginning of the last one, `found`
    both.
    """

    found: str
    whole: str
    begun: str


def needles_of(text: str) -> Needles:
    """Return what a text is looked for by. Its words are always quoted: no sign in it has a meaning to FTS5.

    Signs within a word (`5.5`, `half-price`) part it into words that stand beside each other, in this order.

    >>> needles_of("Red la").found
    '"Red" "la"*'
    """
    words = asked_words(text)
    if not words:
        return Needles('""', '""', '""')
    quoted = [f'"{word}"' for word in (word.replace('"', " ") for word in words)]
    whole = " ".join(quoted)
    # Words that stand beside each other bind more closely than NOT.
    return Needles(f"{whole}*", whole, f"{whole}* NOT {quoted[-1]}")


class SqliteWordIndex:
    """Name the FTS5 index of one read model: rows are told by their numbers, and ranked by BM25."""

    def __init__(self, model: ReadModel[Any], table: sa.Table) -> None:
        self._table = table
        # The number belongs to the view, and is no column of the rows.
        self._number: sa.ColumnClause[int] = sa.column(NUMBER, sa.Integer, _selectable=table)
        self._index = sa.table(view_of(model.name), sa.column(NUMBER), sa.column("needle"), sa.column("rank"))

    def asked(self, text: str) -> Mapping[str, Any]:
        """Return the needles of a text."""
        needles = needles_of(text)
        return {FOUND: needles.found, WHOLE: needles.whole, BEGUN: needles.begun}

    def matching(self, found: Any) -> sa.ColumnElement[bool]:
        """Return the condition that the number of a row is among those that FTS5 finds."""
        needle = sa.literal(found, sa.Text())
        return self._number.in_(sa.select(self._index.c[NUMBER]).where(self._holds(needle)))

    def ranked(self, needle: str, where: Sequence[Any]) -> sa.Select[Any]:
        """Return the numbers of the rows that are found, and their ranks."""
        found = sa.select(self._number, self._index.c.rank).select_from(self._joined())
        return found.where(self._holds(_needle(needle)), *where)

    def counted(self, where: Sequence[Any], ranked: sa.CTE) -> sa.Select[Any]:
        """Return how many rows are found."""
        if not where:  # the index alone knows
            counted = sa.select(sa.func.count().label("total")).select_from(self._index)
            return counted.where(self._holds(_needle(FOUND)))
        every = sa.select(sa.func.count()).select_from(self._joined()).where(self._holds(_needle(FOUND)), *where)
        return unless_cut(ranked, every)

    def rows_of(self, page: sa.Subquery) -> sa.FromClause:
        """Return the rows of a page, by their numbers."""
        return page.join(self._table, self._number == page.c[NUMBER])

    def _joined(self) -> sa.Join:
        return self._index.join(self._table, self._number == self._index.c[NUMBER])

    def _holds(self, needle: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        return self._index.c.needle.op("match", is_comparison=True)(needle)


def _needle(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.Text())
