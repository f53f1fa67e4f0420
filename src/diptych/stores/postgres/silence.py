"""Silence: a server that is gone without a word is noticed by the kernel, so that no statement needs a clock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

SECONDS = 20
"""After how long without any sign a server is gone; statements may take longer: the machine answers meanwhile."""
_PROBES = 4


def notice(connection: Any) -> None:
    """Let a connection of asyncpg be lost, as one that was cut, when nothing is heard of the machine at its end."""
    found = connection._transport.get_extra_info("socket")  # noqa: SLF001 (asyncpg has no other way to its socket)
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _options():
        found.setsockopt(socket.IPPROTO_TCP, option, value)


def _options() -> Iterator[tuple[int, int]]:
    """Yield what this operating system knows of them."""
    each = max(1, SECONDS // _PROBES)
    wanted = {
        "TCP_KEEPIDLE": each,
        "TCP_KEEPALIVE": each,  # how macOS calls the one before
        "TCP_KEEPINTVL": each,
        "TCP_KEEPCNT": _PROBES - 1,
        "TCP_USER_TIMEOUT": SECONDS * 1000,  # what was sent and never taken, too
    }
    return ((getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name))
