"""Addresses: `postgresql://` URLs, with what in them is Diptych's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from diptych.errors import SettingsError

SCHEMES = ("postgresql://", "postgres://")
LOG_SCHEMA = "diptych"
ROWS_SCHEMA = "diptych_reads"

_OWN = frozenset(("schema", "replica", "pooler", "durable"))
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_WANTED = "target_session_attrs"  # of several hosts; a replica is one, and no primary
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Address:
    """Say which database and which schema; `dsn` is what libpq would understand, `options` what only we do.

    >>> address = Address.of("postgresql://shop:secret@db.example/shop?schema=sales&sslmode=require", schema="diptych")
    >>> address.schema, address.dsn
    ('sales', 'postgresql://shop:secret@db.example/shop?sslmode=require')
    >>> str(address)
    'postgresql://shop:***@db.example/shop?sslmode=require, schema sales'
    """

    dsn: str
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
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        own = {name: value for name, value in given.items() if name in _OWN}
        rest = {name: value for name, value in given.items() if name not in _OWN}
        if not parts.path.strip("/"):
            raise SettingsError(f"{_shown(url)} names no database; write postgresql://user@host/database")
        for name, known in (("pooler", ("session",)), ("durable", ("yes", "no"))):
            if name in own and own[name] not in known:
                raise SettingsError(f"{_shown(url)} has {name}={own[name]!r}; wanted {name}={' or '.join(known)}")
        return cls(
            dsn=urlunsplit(parts._replace(query=urlencode(rest))),
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
        moved = urlunsplit(parts._replace(netloc=f"{user}{at}{self.replica}", query=urlencode(rest)))
        return Address(moved, self.schema, None, self.may_pool, self.must_last)

    def url_of(self, schema: str) -> str:
        """Return the URL of another schema in the same database."""
        parts = urlsplit(self.dsn)
        own = [("schema", schema), ("replica", self.replica), ("pooler", "session" if self.may_pool else None)]
        own.append(("durable", None if self.must_last else "no"))
        given = [*parse_qsl(parts.query, keep_blank_values=True), *((name, value) for name, value in own if value)]
        return urlunsplit(parts._replace(query=urlencode(given)))

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
        return f"{_shown(self.dsn)}, schema {self.schema}"


def _schema(url: str, name: str) -> str:
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_") or name == "public":
        raise SettingsError(
            f"{_shown(url)} names the schema {name!r}; wanted one for Diptych alone: small letters, digits and _"
        )
    return name


def _shown(url: str) -> str:
    """Return a URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.split(':')[0]}:{_HIDDEN}@{host}"))
