"""Casing: the name of a class in other spellings, such as `out-of-stock` for `OutOfStock`."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def parted(name: str, by: str) -> str:
    """Return the words of a class name in small letters, parted by a text.

    >>> parted("OutOfStock", "-"), parted("HTTPRequest", "_")
    ('out-of-stock', 'http_request')
    """
    return _BOUNDARY.sub(by, name).lower()
