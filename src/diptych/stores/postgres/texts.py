"""Texts that came from anywhere, as PostgreSQL can keep them."""

from __future__ import annotations

from typing import overload


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    r"""Return a text with U+FFFD in place of what a column of PostgreSQL cannot hold: NUL and lone surrogates.

    >>> storable("a\x00b\ud800")
    'a\ufffdb\ufffd'
    """
    if text is None or (text.isascii() and "\0" not in text):
        return text
    cleaned = text.replace("\0", "\ufffd")
    return cleaned.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
