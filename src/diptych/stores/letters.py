"""Letters: text as PostgreSQL can keep it, which has no NUL, so that whoever sends one stops no projection."""

from __future__ import annotations

import re

# A pair never begins within another one, so that comparing, prefixes and parts of texts stay what they are.
_PAIRS = {at: chr(1 + at // 3) + chr(3 + at % 3) for at in range(6)}
_BACK = {pair: chr(at) for at, pair in _PAIRS.items()}
_PAIR = re.compile("[\1\2].", re.DOTALL)


def paired(text: str) -> str:
    r"""Return text as PostgreSQL can keep it, which has no NUL: U+0000 to U+0005 become pairs of the five others.

    >>> paired("a\0b")
    'a\x01\x03b'
    """
    return text if text.isprintable() else text.translate(_PAIRS)


def unpaired(text: str) -> str:
    """Return text as it was given to `paired`."""
    return text if text.isprintable() else _PAIR.sub(lambda found: _BACK[found[0]], text)
