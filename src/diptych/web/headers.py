"""Request headers: read once, bounded, and each that we know either well-formed or a 400."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from diptych.errors import RequestError
from diptych.model.shape import INT64

Headers = Mapping[bytes, bytes]

MOST_HEADERS = 100
MOST_BYTES = 32 * 1024
LONGEST_KEY = 255
LONGEST_WAIT = 60.0
DEFAULT_WAIT = 2.0
_SINGLE = (b"host", b"idempotency-key", b"if-match", b"diptych-after", b"x-diptych-user", b"content-length", b"origin")
_LISTS = (b"prefer", b"if-none-match")
_POSITION = re.compile(rb"\d{1,19}")
_ETAG = re.compile(rb'"(\d{1,19})"')
_KEY = re.compile(rb'"([\x21\x23-\x7e]+)"|([\x21-\x7e]+)')
_WAIT = re.compile(r"(\d{1,5}(?:\.\d{1,6})?)")
_USER = re.compile(r"[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*")


def read_headers(scope: Any) -> Headers:  # Any: an ASGI scope
    """Return the headers by lower-case name; raise RequestError for too many, or for one that came twice."""
    raw = scope["headers"]
    found: dict[bytes, bytes] = dict(raw)
    if len(raw) > MOST_HEADERS or sum(map(len, found.values())) > MOST_BYTES:
        raise RequestError("large-headers", f"at most {MOST_HEADERS} headers of {MOST_BYTES} bytes in all are read")
    if len(found) != len(raw):
        _settle_repeated(raw, found)
    return found


def idempotency_key(headers: Headers) -> str | None:
    """Return the Idempotency-Key, with or without quotes around it; raise RequestError for one that is none."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    match = _KEY.fullmatch(given)
    if match is None or len(given) > LONGEST_KEY:
        raise RequestError(
            "malformed", f"Idempotency-Key: expected 1 to {LONGEST_KEY} visible ASCII characters, found {_shown(given)}"
        )
    return (match[1] or match[2]).decode("ascii")


def expected_position(headers: Headers) -> int | None:
    """Return the position in If-Match; raise RequestError when it is no quoted position."""
    given = headers.get(b"if-match")
    if given is None:
        return None
    match = _ETAG.fullmatch(given)
    wanted = 'a quoted position such as "42", that of a Diptych-Position'
    return _position("If-Match", match and match[1], given, wanted)


def after_position(headers: Headers) -> int | None:
    """Return the position in Diptych-After; raise RequestError when it is none."""
    given = headers.get(b"diptych-after")
    if given is None:
        return None
    match = _POSITION.fullmatch(given)
    return _position("Diptych-After", match and match[0], given, "a position such as 42")


def wait_seconds(headers: Headers) -> float:
    """Return how long the client would wait: `Prefer: wait=2`; raise RequestError for no such number."""
    given = headers.get(b"prefer")
    if given is None:
        return DEFAULT_WAIT
    for preference in re.split(r"[,;]", given.decode("latin-1")):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait":
            return _seconds(value.strip().strip('"'))
    return DEFAULT_WAIT


def known_etags(headers: Headers) -> frozenset[bytes]:
    """Return the entity tags in If-None-Match without their W/ (they are compared weakly); `*` is itself."""
    given = headers.get(b"if-none-match")
    if given is None:
        return frozenset()
    return frozenset(each.strip().removeprefix(b"W/") for each in given.split(b","))


def user_name(headers: Headers) -> str | None:
    """Return the principal that X-Diptych-User names; raise RequestError when it is blank or no text."""
    given = headers.get(b"x-diptych-user")
    if given is None:
        return None
    try:
        text = given.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if len(text) > LONGEST_KEY or _USER.fullmatch(text) is None:
        raise RequestError("malformed", f"X-Diptych-User: expected a name in UTF-8, found {_shown(given)}")
    return text


def _position(name: str, digits: bytes | None, given: bytes, wanted: str) -> int:
    if digits is None or int(digits) >= INT64:
        raise RequestError("malformed", f"{name}: expected {wanted}, found {_shown(given)}")
    return int(digits)


def _seconds(value: str) -> float:
    match = _WAIT.fullmatch(value)
    if match is None or float(value) > LONGEST_WAIT:
        raise RequestError(
            "malformed", f"Prefer: expected wait=0 to wait={LONGEST_WAIT:g} in seconds, found wait={value[:40]}"
        )
    return float(value)


def _settle_repeated(raw: Iterable[tuple[bytes, bytes]], found: dict[bytes, bytes]) -> None:
    given: dict[bytes, list[bytes]] = {}
    for name, value in raw:
        given.setdefault(name, []).append(value)
    for name in _SINGLE:
        if len(given.get(name, ())) > 1:
            raise RequestError("malformed", f"{name.decode()} is given {len(given[name])} times, expected once")
    found.update((name, b", ".join(given[name])) for name in _LISTS if name in given)


def _shown(given: bytes) -> str:
    text = given[:40].decode("ascii", "backslashreplace")
    return f"{text}..." if len(given) > len(text) else text or "nothing"
