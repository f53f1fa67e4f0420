"""Words are those that SQLite's tokenizer finds, whatever store looks for them."""

import sqlite3
import sys
import unicodedata
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from diptych.stores.words import words_of

_OLD = unicodedata.ucd_3_2_0
_UNFOLDED = "Ǡǡ"  # SQLite overlooks their marks


def tokens(*texts: str) -> list[list[str]]:
    """Return the words that FTS5 finds in each text."""
    with sqlite3.connect(":memory:") as connection:
        tokenize = "\"unicode61 remove_diacritics 2 categories 'L* M* N* Co'\""
        connection.execute(f"create virtual table t using fts5(text, tokenize={tokenize})")
        connection.execute("create virtual table v using fts5vocab(t, 'instance')")
        connection.executemany("insert into t (rowid, text) values (?, ?)", enumerate(texts, start=1))
        found: dict[int, dict[int, str]] = defaultdict(dict)
        for term, doc, _, offset in connection.execute("select * from v"):
            found[doc][offset] = term
    placed = [[found[at][place] for place in sorted(found[at])] for at in range(1, len(texts) + 1)]
    return [[word for word in words if word is not None] for words in placed]  # a mark that follows no letter is none


def test_every_character_of_old_is_a_letter_a_mark_or_a_sign_as_for_sqlite() -> None:
    codes = (chr(code) for code in range(1, sys.maxunicode + 1))
    known = [char for char in codes if _OLD.category(char) not in ("Cn", "Cs") and char not in _UNFOLDED]
    texts = [f"x{char}y" for char in known]

    found = zip(known, map(words_of, texts), tokens(*texts), strict=True)

    assert len(known) > 90_000
    assert [(char, mine, its) for char, mine, its in found if mine != its] == []


@given(st.text("abAéÉçдДжйЙωΩήΆß7½-'. \u0301\u0306अि東ー", max_size=12))
def test_texts_are_parted_as_by_sqlite(text: str) -> None:
    assert [words_of(text)] == tokens(text)
