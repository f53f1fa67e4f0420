"""Hosts: which names this server answers to, and which pages may write to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from diptych.errors import RequestError
from diptych.web.headers import Headers

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Hosts:
    """Admit requests for the hosts named here, from the origins named here; `*` among the hosts admits any.

    The first keeps a foreign name that was pointed at this address (DNS rebinding) out; the second keeps out a foreign
    page whose visitor's browser can reach us.
    """

    def __init__(self, hosts: Iterable[str], origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset(host.lower().encode("idna" if not host.isascii() else "ascii") for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/").encode() for origin in origins)
        self._any = b"*" in self._hosts

    def admit(self, headers: Headers) -> None:
        """Raise RequestError for a request to another host, or one that a page of another origin sent."""
        given = headers.get(b"host", b"")
        if not self._any and _without_port(given) not in self._hosts:
            name = given[:80].decode("ascii", "backslashreplace")
            raise RequestError("misdirected", f"host {name!r} is not served here; name it: hosts=[...]")
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2].lower() != given.lower() and not self._knows(origin):
            raise RequestError("forbidden", "a page of another origin may not send this; name it: origins=[...]")

    def _knows(self, origin: bytes) -> bool:
        return origin.lower() in self._origins


def is_loopback(host: str) -> bool:
    """Say whether an address or name surely is this machine alone.

    >>> is_loopback("localhost"), is_loopback("127.0.0.9"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    name = host.strip("[]").lower()
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def comes_from_here(client: tuple[str, int] | list[str | int] | None) -> bool:
    """Say whether a client is on this machine: a loopback address, or none at all (a Unix socket, a test)."""
    address = None if client is None else _address(str(client[0]))
    return address is None or address.is_loopback


@lru_cache(maxsize=1024)  # parsing one costs 5 us, and the same few clients come again
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return (name if colon and port.isdigit() else host).lower()
