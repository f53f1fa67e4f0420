"""The server: which version it is, what it promises about disks, and what a backup could be made of."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import OLDEST, Connection
from diptych.stores.postgres.statements import sql

NEWEST = 18
"""The newest version that tests run on."""

_LOOSE = ("fsync", "full_page_writes", "synchronous_commit")
_SETTINGS = (
    *("server_version", "server_version_num", "data_checksums", "wal_level", "archive_mode", "autovacuum"),
    *("default_transaction_read_only", "idle_session_timeout", *_LOOSE),
)


async def server(connection: Connection, address: Address) -> list[Finding]:
    """Examine version, durability, what protects the files, and settings that do not suit a log."""
    settings = dict(await connection.fetch(sql("doctor_settings", address.schema), list(_SETTINGS)))
    about = await connection.fetchrow(sql("doctor_database", address.schema))
    return [
        _version(settings, address),
        durability(settings, address),
        *_encryption(about, address),
        *_files(settings),
        *_sessions(settings, about["role"]),
    ]


def durability(settings: Mapping[str, str], address: Address) -> Finding:
    """Say whether an acknowledged command is on the disk of this server."""
    loose = [name for name in _LOOSE if settings[name] == "off"]
    if not loose:
        return Finding("durability", "ok", f"an acknowledged command is on disk ({address})")
    text = f"not durable: {', '.join(f'{name} = off' for name in loose)}; a crash may lose what was acknowledged"
    fix = "; ".join(f"alter system set {name} = on" for name in loose) + "; select pg_reload_conf()"
    if "synchronous_commit" in loose:
        fix += "; it may also be set for the role or the database: alter role ... reset synchronous_commit"
    return Finding("durability", "error" if address.must_last else "warning", text, fix)


def encryption(server: str, host: str) -> Finding | None:
    """Say what is wrong with a connection that is not encrypted: nothing on this machine, or by a local socket."""
    if not server or ipaddress.ip_address(server).is_loopback:
        return None
    text = f"the connection to {host} is not encrypted: passwords and events can be read on the way"
    return Finding("encryption", "warning", text, "add sslmode=verify-full&sslrootcert=FILE to the URL")


def _version(settings: Mapping[str, str], address: Address) -> Finding:
    number, name = int(settings["server_version_num"]) // 10_000, settings["server_version"]
    text = f"{name} at {address.server}, database {address.database}"
    if number < OLDEST:
        fix = f"move to PostgreSQL {OLDEST} to {NEWEST} (pg_upgrade, or dump and restore)"
        return Finding("postgresql", "error", f"{text}: older than {OLDEST}", fix)
    if number > NEWEST:
        text = f"{text}: newer than what this Diptych was tested on ({OLDEST} to {NEWEST})"
        return Finding("postgresql", "note", text, "look for a newer Diptych")
    return Finding("postgresql", "ok", text)


def _encryption(about: Mapping[str, str | bool], address: Address) -> Iterator[Finding]:
    found = None if about["is_encrypted"] else encryption(str(about["server"]), address.server)
    if found is not None:
        yield found


def _files(settings: Mapping[str, str]) -> Iterator[Finding]:
    if settings["data_checksums"] != "on":
        text = "data_checksums is off: a page that the disk damages is not noticed before somebody verifies the log"
        yield Finding("checksums", "note", text, "stop the server, run pg_checksums --enable, start it")
    if settings["wal_level"] == "minimal":
        text = "wal_level = minimal: neither backups of the running server nor standbys can be made"
        yield Finding("backup", "warning", text, "alter system set wal_level = replica, and restart the server")
    elif settings["archive_mode"] == "off":
        text = "archive_mode is off: what came after the newest backup can not be restored, unless a standby or "
        fix = "set archive_mode = on and archive_command, or stream WAL by pg_receivewal; see docs/going-to-production"
        yield Finding("backup", "note", f"{text}pg_receivewal has it", fix)
    if settings["autovacuum"] == "off":
        text = "autovacuum is off: read models grow with every update, and one day the server refuses to write"
        yield Finding("autovacuum", "error", text, "alter system set autovacuum = on; select pg_reload_conf()")


def _sessions(settings: Mapping[str, str], role: str) -> Iterator[Finding]:
    if settings["default_transaction_read_only"] == "on":
        text = "default_transaction_read_only is on: nothing can be appended"
        yield Finding("read only", "error", text, f"alter role {role} set default_transaction_read_only = off")
    if settings["idle_session_timeout"] != "0":
        text = (
            "idle_session_timeout ends connections that wait for work: each is opened again, and a command waits for it"
        )
        yield Finding("idle sessions", "warning", text, f"alter role {role} set idle_session_timeout = 0")
