"""Moments in a query string: `as_of=123`, `from=2026-01-31T12:00:00Z`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, unquote_to_bytes

from diptych.errors import RequestError
from diptych.history.keys import moment_of_text
from diptych.web.arguments import LONGEST, MOST_ARGUMENTS

AS_OF = "as_of"


def as_of_of(query_string: bytes) -> int | datetime | None:
    """Return the moment that `as_of` names, None without one; raise RequestError for one that is none."""
    if AS_OF.encode() not in unquote_to_bytes(query_string):  # some clients encode an underscore
        return None
    given = [text for name, text in _pairs(query_string) if name == AS_OF]
    if len(given) > 1:
        raise _repeated(AS_OF, len(given))
    return moment(AS_OF, given[0]) if given else None


# A query string reads a bare + as a blank: `as_of=...T12:00:00+02:00` of a client that did not encode it.
_BARE_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)")


def once(query_string: bytes, names: Iterable[str]) -> Mapping[str, str]:
    """Return the arguments of these names; raise RequestError for any other, and for one that is given twice."""
    known, found = tuple(names), dict[str, str]()
    for name, text in _pairs(query_string):
        if name not in known:
            raise RequestError("malformed", f"there is no argument {name[:40]!r}; there are: {', '.join(known)}")
        if name in found:
            raise _repeated(name, 2)
        found[name] = text
    return found


def moment(name: str, text: str) -> int | datetime:
    """Return the moment that a text means; raise RequestError for none."""
    try:
        return moment_of_text(_BARE_PLUS.sub("+", text) if "T" in text else text)
    except ValueError as wrong:
        raise RequestError("malformed", f"{name}: {wrong}") from wrong


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    if len(query_string) > LONGEST:
        raise RequestError("long-url", f"the query string is longer than {LONGEST} bytes")
    try:
        text = query_string.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_ARGUMENTS)
    except ValueError as wrong:
        raise RequestError("malformed", f"the query string cannot be read: {wrong}") from wrong


def _repeated(name: str, times: int) -> RequestError:
    return RequestError("malformed", f"{name} is given {times} times, expected once")
