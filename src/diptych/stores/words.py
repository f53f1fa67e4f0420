"""Words: a text as a search sees it, in small letters and without the diacritics of Latin ones.

The words are those that SQLite's `unicode61` tokenizer finds, so that every store finds the same rows.
"""

from __future__ import annotations

import unicodedata

_MARKS = frozenset(
    [*range(0x300, 0x305), *range(0x306, 0x30D), 0x30F, 0x311, 0x31B, *range(0x323, 0x329), 0x32D, 0x32E, 0x330, 0x331]
)
"""The diacritics of Latin letters, where they are written as characters of their own."""


def words_of(text: str) -> list[str]:
    """Return the words of a text, in its order.

    >>> words_of("Half-price CRÈMES, 5.5")
    ['half', 'price', 'cremes', '5', '5']
    """
    return text.translate(_FOLDED).split()


class _Folded(dict[int, str]):
    """Say what becomes of each character: its small form without diacritics, nothing, or a blank between words."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = "" if code in _MARKS else _folded(chr(code))
        return folded


_FOLDED = _Folded()


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] not in "LMN" and category != "Co":
        return " "
    # Some letters become two; a word must not grow.
    small = next((each for each in (char.casefold(), char.lower()) if len(each) == 1), char)
    letter = unicodedata.normalize("NFD", small)[0]
    return letter.lower() if letter.isascii() else small
