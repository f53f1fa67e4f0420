"""Text search: the tsqueries that a text is looked for by, and the index as statements name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from diptych.model.projections import ReadModel
from diptych.model.rows import VECTOR
from diptych.stores.postgres.text_index import cut, weights_of
from diptych.stores.text_pages import BEGUN, FOUND, RANKED, WHOLE, asked_words, unless_cut
from diptych.stores.words import words_of

_EACH_WHOLE, _EACH_BEGUN = "needles each whole", "needles each begun"
_BY_LENGTH: sa.ColumnElement[Any] = sa.literal_column("1")
"""ts_rank divides by 1 + the logarithm of how many words a row has."""


class Needle(NamedTuple):
    """One word of what is looked for, as a tsquery: whole, and as the beginning of a word."""

    whole: str
    begun: str


def needles_of(text: str) -> list[Needle]:
    """Return the words of a text. Signs within one part it into words that stand beside each other, in this order.

    >>> needles_of("Half-price la")[0].whole
    "('half' <-> 'price')"
    >>> needles_of("Half-price la")[1].begun
    "('la':*)"
    """
    parted = ([f"'{cut(part)}'" for part in words_of(word)] for word in asked_words(text))
    joined = (" <-> ".join(parts) for parts in parted if parts)
    return [Needle(f"({word})", f"({word}:*)") for word in joined]


class PostgresWordIndex:
    """Name the column of words of one read model, which stands beside its others.

    A row counts by how often, and in which columns, it holds each word, among how many words, and how rare that is: a
    word that 4,000 rows hold is as common as any.
    """

    def __init__(self, model: ReadModel[Any], table: sa.Table) -> None:
        self._table, self._keys = table, [table.c[name] for name in model.key]
        # The words belong to the view, and are no column of the rows.
        self._words: sa.ColumnClause[Any] = sa.column(VECTOR, postgresql.TSVECTOR(), _selectable=table)
        self._weights: sa.ColumnElement[Any] = sa.literal_column(f"'{weights_of(model)}'::real[]")
        self._needles = self._rarities()

    def asked(self, text: str) -> Mapping[str, Any]:
        """Return the tsqueries of a text, also word by word."""
        each = needles_of(text)
        whole, begun = [needle.whole for needle in each], [needle.begun for needle in each]
        found = " & ".join((*whole[:-1], *begun[-1:]))
        only = f"{found} & !{whole[-1]}" if each else ""
        return {FOUND: found, WHOLE: " & ".join(whole), BEGUN: only, _EACH_WHOLE: whole, _EACH_BEGUN: begun}

    def matching(self, found: Any) -> sa.ColumnElement[bool]:
        """Return the condition that a row holds the words of a tsquery."""
        return self._holds(sa.literal(found, sa.Text()))

    def ranked(self, needle: str, where: Sequence[Any]) -> sa.Select[Any]:
        """Return the ranks of the rows that are found; `TextPages` adds their keys."""
        each = self._needles.c.whole if needle == WHOLE else self._needles.c.begun
        rank = sa.func.ts_rank(self._weights, self._words, _query(each), _BY_LENGTH, type_=sa.Float())
        every = sa.select(sa.func.sum(self._needles.c.rarity * rank)).select_from(self._needles)
        best = (-every.correlate(self._table).scalar_subquery()).label("rank")
        return sa.select(best).select_from(self._table).where(self._holds(_text(needle)), *where)

    def counted(self, where: Sequence[Any], ranked: sa.CTE) -> sa.Select[Any]:
        """Return how many rows are found."""
        every = sa.select(sa.func.count()).select_from(self._table).where(self._holds(_text(FOUND)), *where)
        return unless_cut(ranked, every)

    def rows_of(self, page: sa.Subquery) -> sa.FromClause:
        """Return the rows of a page, by their keys."""
        return page.join(self._table, sa.and_(*(key == page.c[f"key_{at}"] for at, key in enumerate(self._keys))))

    def _rarities(self) -> sa.CTE:
        """Return each word with how much it counts: the more, the fewer rows hold it."""
        arrays = [sa.bindparam(name, type_=postgresql.ARRAY(sa.Text())) for name in (_EACH_WHOLE, _EACH_BEGUN)]
        needles = sa.func.unnest(*arrays).table_valued("whole", "begun", name="needle").render_derived()
        held: sa.Select[Any] = (
            sa.select(sa.literal_column("1")).select_from(self._table).where(self._holds(needles.c.begun))
        )
        several = sa.select(sa.func.count()).select_from(held.limit(RANKED).correlate(needles).subquery("held"))
        counted = sa.func.ln(sa.literal_column("2.0") + several.scalar_subquery(), type_=sa.Float())
        # One word alone is as rare in every row.
        rarity = sa.case((sa.func.cardinality(arrays[0]) > 1, 1 / counted), else_=1.0).label("rarity")
        return sa.select(needles.c.whole, needles.c.begun, rarity).cte("needles")

    def _holds(self, needle: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return self._words.op("@@", is_comparison=True)(_query(needle))


def _query(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(text, postgresql.TSQUERY())


def _text(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.Text())
