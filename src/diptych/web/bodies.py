"""Bodies: read with a limit that holds while reading, and no deeper than we can follow."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect

from diptych.errors import RequestError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]  # Any: the values of an ASGI message

MIB = 1 << 20
DEEPEST = 64
_ROUNDS = 3
_OPENING = ord("[")
_RUNS = re.compile(rb"\[+|\]+")
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_BESIDE_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


async def read_body(receive: Receive, declared: bytes | None, limit: int) -> bytes:
    """Return the whole body; raise RequestError as soon as it is known to be longer than `limit`, or nests too deep.

    `declared` is the Content-Length. Raises ClientDisconnect when the client went away.
    """
    if declared is not None and (not declared.isdigit() or int(declared[:20]) > limit):
        raise _too_large(limit) if declared.isdigit() else RequestError("malformed", "Content-Length is no number")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _rest(receive, body, limit)
    elif message["type"] == "http.disconnect":
        raise ClientDisconnect
    if len(body) > limit:
        raise _too_large(limit)
    if nests_deeper(body, DEEPEST):
        raise RequestError("malformed", f"the JSON nests deeper than {DEEPEST} levels")
    return body


def nests_deeper(body: bytes, levels: int) -> bool:
    """Say whether brackets outside of texts nest deeper; brackets that do not pair count as too deep.

    Texts are cut out, a few rounds take the innermost pairs away, and what is left is walked by runs of brackets.

    >>> nests_deeper(b"[" * 3 + b"]" * 3, 3), nests_deeper(b"[" * 4 + b"]" * 4, 3), nests_deeper(b'["[[[[{"]', 3)
    (False, True, False)
    """
    if body.count(b"[") + body.count(b"{") <= levels:
        return False
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = b"".join(body.split(b'"')[::2]).translate(_BRACKETS, _BESIDE_BRACKETS)
    for _ in range(_ROUNDS):
        left = left.replace(b"[]", b"")
    depth = _ROUNDS
    for run in _RUNS.findall(left):
        depth += len(run) if run[0] == _OPENING else -len(run)
        if not _ROUNDS <= depth <= levels:
            return True
    return depth != _ROUNDS


async def _rest(receive: Receive, first: bytes, limit: int) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        if size > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(limit: int) -> RequestError:
    return RequestError("too-large", f"the body is longer than {limit} bytes", headers={"connection": "close"})
