"""Addresses: `postgresql://` URLs, with what in them is Diptych's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from diptych.errors import SettingsError

SCHEMES = ("postgresql://", "postgres://")
LOG_SCHEMA = "diptych"
ROWS_SCHEMA = "diptych_reads"

_OWN = frozenset(("schema", "replica", "pooler", "durable"))
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,58}")  # names of channels, which may have 63 letters, begin with it
_TAKEN = ("public", "information_schema")
_WANTED = "target_session_attrs"  # of several hosts; a replica is one, and no primary
_HIDDEN = "***"
_PASSWORD = re.compile(r"(://[^:/?#@]*):.*@")
_PASSWORDS = re.compile(r"(password=)[^&]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Say which database and which schema; `dsn` is what libpq would understand, `options` what only we do.

    >>> address = Address.of("postgresql://shop:secret@db.example/shop?schema=sales&sslmode=require", schema="diptych")
    >>> address.schema, address.dsn
    ('sales', 'postgresql://shop:secret@db.example/shop?sslmode=require')
    >>> str(address)
    'postgresql://shop:***@db.example/shop?sslmode=require, schema sales'
    """

    dsn: str = field(repr=False)  # it has a password
    schema: str
    replica: str | None = None
    """`host:port` of a server that follows this one, for what only reads."""
    may_pool: bool = False
    """Whether the user says that the pooler in between keeps one session for one client."""
    must_last: bool = True
    """Whether an acknowledgement must mean that it is on disk."""

    @classmethod
    def of(cls, url: str, *, schema: str) -> Address:
        """Return the address that a URL names; `schema` where it names none. Raises SettingsError."""
        parts = _split(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        own = {name: value for name, value in given.items() if name in _OWN}
        rest = {name: value for name, value in given.items() if name not in _OWN}
        if not parts.path.strip("/"):
            raise SettingsError(f"{shown(url)} names no database; write postgresql://user@host/database")
        for name, known in (("pooler", ("session",)), ("durable", ("yes", "no"))):
            if name in own and own[name] not in known:
                raise SettingsError(f"{shown(url)} has {name}={own[name]!r}; wanted {name}={' or '.join(known)}")
        return cls(
            dsn=_joined(parts, rest.items()),
            schema=_schema(url, own.get("schema", schema)),
            replica=own.get("replica"),
            may_pool="pooler" in own,
            must_last=own.get("durable") != "no",
        )

    def at_replica(self) -> Address:
        """Return the address of the server that follows, itself where there is none."""
        if self.replica is None:
            return self
        parts = urlsplit(self.dsn)
        user, at, _ = parts.netloc.rpartition("@")
        rest = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] != _WANTED]
        moved = _joined(parts._replace(netloc=f"{user}{at}{self.replica}"), rest)
        return Address(moved, self.schema, None, self.may_pool, self.must_last)

    def url_of(self, schema: str) -> str:
        """Return the URL of another schema in the same database."""
        parts = urlsplit(self.dsn)
        own = [("schema", schema), ("replica", self.replica), ("pooler", "session" if self.may_pool else None)]
        own.append(("durable", None if self.must_last else "no"))
        given = [*parse_qsl(parts.query, keep_blank_values=True), *((name, value) for name, value in own if value)]
        return _joined(parts, given)

    @property
    def server(self) -> str:
        """Return host and port, for messages; all of them where the URL names several."""
        parts = urlsplit(self.dsn)
        _, _, hosts = parts.netloc.rpartition("@")
        return hosts if "," in hosts else f"{parts.hostname or 'the local socket'}:{parts.port or 5432}"

    @property
    def database(self) -> str:
        """Return the name of the database, for messages."""
        return unquote(urlsplit(self.dsn).path.strip("/"))

    @property
    def user(self) -> str:
        """Return the name of the role, for messages."""
        return unquote(urlsplit(self.dsn).username or "(yours)")

    def __str__(self) -> str:
        return f"{shown(self.dsn)}, schema {self.schema}"


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; raise SettingsError, which tells no password, for one that has none."""
    try:
        parts = urlsplit(url)
        _, _, hosts = parts.netloc.rpartition("@")
        if not parts.fragment and ("," in hosts or parts.port != 0):  # `port` raises for what is none
            return parts
    except ValueError:
        pass
    raise SettingsError(
        f"{shown(url)} cannot be read as a URL; write /, ?, #, @, [ and ] in a user or a password as %2F, %3F, %23, "
        f"%40, %5B and %5D, and a port as a number"
    )


def _joined(parts: SplitResult, query: Iterable[tuple[str, str]]) -> str:
    """Return a URL; that of a local socket keeps its slashes, which `urlunsplit` would take away."""
    asked = urlencode(list(query))
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if asked else ''}{asked}"


def _schema(url: str, name: str) -> str:
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_") or name in _TAKEN:
        raise SettingsError(
            f"{shown(url)} names the schema {name!r}; wanted one for Diptych alone: at most 59 small letters, digits "
            f"and _"
        )
    return name


def shown(url: str) -> str:
    """Return a URL without its passwords, also one that cannot be read since there is a / in one."""
    place, mark, query = url.partition("?")
    if "@" not in place:
        place, mark, query = url, "", ""
    place = _PASSWORD.sub(rf"\1:{_HIDDEN}@", place)
    return _PASSWORDS.sub(rf"\1{_HIDDEN}", f"{place}{mark}{query}")
