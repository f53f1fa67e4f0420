"""The text index of a read model: the words of each row in a column, a tsvector generated from it, and a GIN index.

The words are found in Python, as SQLite finds them: `to_tsvector` would part texts by rules of its own, which depend on
the locale of the database. They are stored as text, since COPY has no form for a tsvector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from diptych.model.projections import ReadModel
from diptych.model.rows import VECTOR, WORDS
from diptych.stores.tables import searched
from diptych.stores.words import words_of

_LABELS = "ABCD"
_PLACES = 16_383  # PostgreSQL tells the places of so many words apart
_ROOM = 1_000_000  # and lets the words of a row take about so many bytes,
_LONGEST = 500  # and one of them 2,046


def text_columns(model: ReadModel[Any]) -> tuple[sa.Column[Any], ...]:
    """Return the columns that the table of a searched read model has besides its own; none for any other."""
    if not searched(model):
        return ()
    made = sa.Computed(f"{WORDS}::tsvector", persisted=True)
    return sa.Column(WORDS, sa.Text(), nullable=False), sa.Column(VECTOR, postgresql.TSVECTOR(), made)


def text_index(table: sa.Table, name: str) -> sa.Index:
    """Return the index over the words of a table, as yet without it; it is made when the rows of a rebuild are there.

    New words wait in a list of 256 kB at most, through which a search goes: a batch need not find the place of each.
    """
    return sa.Index(name, table.c[VECTOR], postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256})


def words_in(model: ReadModel[Any]) -> Callable[[Any], str] | None:
    """Return the function that makes the value of `WORDS` of a row; None for rows without FullText."""
    names = [column.name for column in searched(model)]
    if not names:
        return None
    texts = attrgetter(*names, names[0])  # one too many: always a tuple
    return lambda row: vector_of(texts(row)[:-1])


def vector_of(texts: Sequence[str | None]) -> str:
    """Return the words of some columns as PostgreSQL reads a tsvector: each with its places and their labels.

    The columns after the third share a label. Of a row 16,383 words count, of each column its part of them, and of a
    word the first 500 letters.

    >>> vector_of(["Red lamp", "a lamp"])
    "'red':1A 'lamp':2A,8193B 'a':8192B"
    """
    share, room = _PLACES // len(texts), _ROOM // len(texts)
    places: dict[str, list[str]] = {}
    for column, text in enumerate(texts):
        label = _LABELS[min(column, len(_LABELS) - 1)]
        # One less than its part: the last word of a column does not stand beside the first of the next.
        words = _bounded(words_of(text or "")[: share - 1], room)
        for place, word in enumerate(words, start=1 + column * share):
            places.setdefault(cut(word), []).append(f"{place}{label}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def _bounded(words: Sequence[str], room: int) -> Iterator[str]:
    for word in words:
        room -= 4 * min(len(word), _LONGEST) + 8
        if room < 0:
            return
        yield word


def cut(word: str) -> str:
    """Return what of a word an index holds."""
    return word[:_LONGEST]


def weights_of(model: ReadModel[Any]) -> str:
    """Return the weights of the labels D, C, B and A as an array of PostgreSQL, the largest as 1.

    The columns that share a label weigh as the mean of theirs.
    """
    weights = [float(column.weight or 0) for column in searched(model)]
    first, rest = weights[:3], weights[3:]
    labelled = [*first, *[0.0] * (3 - len(first)), sum(rest) / len(rest) if rest else 0.0]
    most = max(labelled) or 1.0
    return "{" + ",".join(f"{weight / most:.6g}" for weight in reversed(labelled)) + "}"
