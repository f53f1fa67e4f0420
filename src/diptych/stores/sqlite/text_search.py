"""Text search: what a text is looked for by, and the statements that find rows by it, best first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.model.rows import NUMBER, columns_of
from diptych.stores.sqlite.text_index import view_of

RANKED = 4_000
"""How many rows a search ranks at most of those that hold every word whole, and as many of the others."""
_LETTERS, _WORDS = 1_000, 32
_FOUND, _WHOLE, _BEGUN = "needles found", "needles whole", "needles begun"  # no column has a blank in its name
_LIMIT, _OFFSET = "page limit", "page offset"
_UNFIT = re.compile("[\0\ud800-\udfff]")


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

    Words end at blanks. Signs within one (`5.5`, `half-price`) part it into words that stand beside each other, in this
    order. The first 1,000 letters count, and of those the first 32 words.

    >>> needles_of("Red la").found
    '"Red" "la"*'
    """
    words = [word for word in _UNFIT.sub(" ", text[:_LETTERS]).split() if any(map(str.isalnum, word))][:_WORDS]
    if not words:
        return Needles('""', '""', '""')
    quoted = [f'"{word}"' for word in (word.replace('"', " ") for word in words)]
    whole = " ".join(quoted)
    # Words that stand beside each other bind more closely than NOT.
    return Needles(f"{whole}*", whole, f"{whole}* NOT {quoted[-1]}")


class SqliteTextSearch:
    """Make conditions and statements that find rows of one read model by their words."""

    def __init__(self, model: ReadModel[Any], table: sa.Table) -> None:
        self._table = table
        self._keys = [table.c[name] for name in model.key]
        self._fields = [table.c[column.name] for column in columns_of(model.row) if not column.computed]
        # The number belongs to the view, and is no column of the rows.
        self._number: sa.ColumnClause[int] = sa.column(NUMBER, sa.Integer, _selectable=table)
        self._index = sa.table(view_of(model.name), sa.column(NUMBER), sa.column("needle"), sa.column("rank"))

    def matching(self, text: str) -> sa.ColumnElement[bool]:
        """Return the condition that a row holds every word of a text, and at least the beginning of the last."""
        found = sa.literal(needles_of(text).found, sa.Text())
        return self._number.in_(sa.select(self._index.c[NUMBER]).where(self._holds(found)))

    def page(self, where: Sequence[Any]) -> sa.Select[Any]:
        """Return a `select()` of a page, best first: total, tier and the fields of each row.

        An empty page is one row without a tier.
        """
        tiers = [self._tier(at, needle, where) for at, needle in enumerate((_WHOLE, _BEGUN))]
        ranked = sa.union_all(*(sa.select(tier.subquery()) for tier in tiers)).cte("ranked")
        order = ranked.c.tier, ranked.c.rank, *(ranked.c[f"key_{at}"] for at in range(len(self._keys)))
        limit, offset = (sa.bindparam(name, type_=sa.Integer()) for name in (_LIMIT, _OFFSET))
        page = sa.select(ranked).order_by(*order).limit(limit).offset(offset).subquery("page")
        total = self._total(where, ranked).subquery("total")
        rows = page.join(self._table, self._number == page.c[NUMBER])
        return (
            sa.select(total.c.total, page.c.tier, *self._fields)
            .select_from(total.outerjoin(rows, sa.true()))
            .order_by(*(page.c[column.name] for column in order))
        )

    def values(self, text: str, *, limit: int, offset: int) -> Mapping[str, Any]:
        """Return what is looked for, and which page of it."""
        needles = needles_of(text)
        return {_FOUND: needles.found, _WHOLE: needles.whole, _BEGUN: needles.begun, _LIMIT: limit, _OFFSET: offset}

    def _tier(self, tier: int, needle: str, where: Sequence[Any]) -> sa.Select[Any]:
        keys = (key.label(f"key_{at}") for at, key in enumerate(self._keys))
        found = sa.select(self._number, *keys, self._index.c.rank, sa.literal_column(str(tier)).label("tier"))
        return found.select_from(self._joined()).where(self._holds(_needle(needle)), *where).limit(RANKED)

    def _total(self, where: Sequence[Any], ranked: sa.CTE) -> sa.Select[Any]:
        if not where:  # the index alone knows
            counted = sa.select(sa.func.count().label("total")).select_from(self._index)
            return counted.where(self._holds(_needle(_FOUND)))
        seen = sa.select(sa.func.count()).select_from(ranked).scalar_subquery()
        every = sa.select(sa.func.count()).select_from(self._joined()).where(self._holds(_needle(_FOUND)), *where)
        # Fewer than one tier may hold: no row was left out, and counting again would cost as much as the search.
        return sa.select(sa.case((seen < RANKED, seen), else_=every.scalar_subquery()).label("total"))

    def _joined(self) -> sa.Join:
        return self._index.join(self._table, self._number == self._index.c[NUMBER])

    def _holds(self, needle: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        return self._index.c.needle.op("match", is_comparison=True)(needle)


def _needle(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.Text())
