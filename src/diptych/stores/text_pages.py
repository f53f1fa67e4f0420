"""Text pages: what a text is looked for by, and a page of the rows that an index finds, best first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.model.rows import columns_of

RANKED = 4_000
"""How many rows a search ranks at most of those that hold every word whole, and as many of the others."""
FOUND, WHOLE, BEGUN = "needles found", "needles whole", "needles begun"  # no column has a blank in its name
"""Parameters: what finds rows of both kinds, those that hold every word, those that hold the beginning of the last."""
_LIMIT, _OFFSET = "page limit", "page offset"
_LETTERS, _WORDS = 1_000, 32
_UNFIT = re.compile("[\0\ud800-\udfff]")


def asked_words(text: str) -> list[str]:
    """Return the words of what somebody looks for, signs within them included.

    Words end at blanks. The first 1,000 letters count, and of those the first 32 words that have a letter or digit.

    >>> asked_words("half-price - lamp")
    ['half-price', 'lamp']
    """
    return [word for word in _UNFIT.sub(" ", text[:_LETTERS]).split() if any(map(str.isalnum, word))][:_WORDS]


class WordIndex(Protocol):
    """Be an index of words, as the statements of a search name it."""

    def asked(self, text: str) -> Mapping[str, Any]:
        """Return the values of FOUND, WHOLE and BEGUN, and of whatever other parameters the index has, for a text."""
        ...

    def matching(self, found: Any) -> sa.ColumnElement[bool]:
        """Return the condition over the logical table that a row is found by a value of FOUND."""
        ...

    def ranked(self, needle: str, where: Sequence[Any]) -> sa.Select[Any]:
        """Return a select of `rank`, the lower the better, and of what else `rows_of` needs, over the logical table.

        `needle` is the name of a parameter, WHOLE or BEGUN; `where` are conditions.
        """
        ...

    def counted(self, where: Sequence[Any], ranked: sa.CTE) -> sa.Select[Any]:
        """Return a select of `total`, how many rows are FOUND; `ranked` holds them all unless they are many."""
        ...

    def rows_of(self, page: sa.Subquery) -> sa.FromClause:
        """Return a page of what `ranked` selected, and its keys `key_0`, `key_1`, joined to the logical table."""
        ...


class TextPages:
    """Find rows of one read model by their words: TextSearch over any index of words."""

    def __init__(self, model: ReadModel[Any], table: sa.Table, index: WordIndex) -> None:
        self._keys = [table.c[name] for name in model.key]
        self._fields = [table.c[column.name] for column in columns_of(model.row) if not column.computed]
        self._index = index

    def matching(self, text: str) -> sa.ColumnElement[bool]:
        """Return the condition that a row holds every word of a text, and at least the beginning of the last."""
        return self._index.matching(self._index.asked(text)[FOUND])

    def page(self, where: Sequence[Any]) -> sa.Select[Any]:
        """Return a `select()` of a page, best first: total, tier and the fields of each row.

        An empty page is one row without a tier.
        """
        tiers = [self._tier(at, needle, where) for at, needle in enumerate((WHOLE, BEGUN))]
        ranked = sa.union_all(*(sa.select(tier.subquery()) for tier in tiers)).cte("ranked")
        order = ranked.c.tier, ranked.c.rank, *(ranked.c[f"key_{at}"] for at in range(len(self._keys)))
        limit, offset = (sa.bindparam(name, type_=sa.Integer()) for name in (_LIMIT, _OFFSET))
        page = sa.select(ranked).order_by(*order).limit(limit).offset(offset).subquery("page")
        total = self._index.counted(where, ranked).subquery("total")
        return (
            sa.select(total.c.total, page.c.tier, *self._fields)
            .select_from(total.outerjoin(self._index.rows_of(page), sa.true()))
            .order_by(*(page.c[column.name] for column in order))
        )

    def values(self, text: str, *, limit: int, offset: int) -> Mapping[str, Any]:
        """Return what is looked for, and which page of it."""
        return {**self._index.asked(text), _LIMIT: limit, _OFFSET: offset}

    def _tier(self, tier: int, needle: str, where: Sequence[Any]) -> sa.Select[Any]:
        keys = (key.label(f"key_{at}") for at, key in enumerate(self._keys))
        found = self._index.ranked(needle, where).add_columns(*keys, sa.literal_column(str(tier)).label("tier"))
        return found.limit(RANKED)


def unless_cut(ranked: sa.CTE, every: sa.Select[Any]) -> sa.Select[Any]:
    """Return a select of `total`: the rows that were ranked, or where the bound may have cut some off, a count of all.

    Counting costs as much as the search.
    """
    seen = sa.select(sa.func.count()).select_from(ranked).scalar_subquery()
    # Fewer than one tier may hold: no row was left out.
    return sa.select(sa.case((seen < RANKED, seen), else_=every.scalar_subquery()).label("total"))
