"""Components: which tables live in which house, and what an application's role and a query role need on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Literal, NamedTuple

from diptych.stores.postgres.address import Address

Rights = Mapping[str, tuple[str, ...]]
"""Privileges by table."""
Whose = Literal["application", "queries"]

_READ = ("SELECT",)
_ADD = ("SELECT", "INSERT")
_CHANGE = ("SELECT", "INSERT", "UPDATE")
_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")

ONLY_ADDED: tuple[str, ...] = ("events", "event_tags", "commands")
"""What nobody may change."""

_OF_LOG: Mapping[str, Rights] = {
    "log": {
        "log": _READ,
        "types": _ADD,
        "events": _ADD,
        "event_tags": _ADD,
        "commands": _ADD,
        "copied": _READ,
    },
    "bookmarks": {"bookmarks": _CHANGE, "skips": _ADD},
    "audit": {"attempts": ("SELECT", "INSERT", "DELETE"), "trail": ("SELECT", "UPDATE")},
    "snapshots": {"snapshots": _CHANGE},
}
_OF_READS: Mapping[str, Rights] = {
    "rows": {"diptych_checkpoint": _ALL, "diptych_model": _ALL, "diptych_feed": _ALL, "diptych_view": _ALL},
    "leases": {"workers": _ALL, "owners": _CHANGE},
}
_OF_QUERIES: Mapping[str, Rights] = {
    # Events, for answers as of a moment; what was answered to commands is nobody's business who only reads.
    "log": {"log": _READ, "types": _READ, "events": _READ, "event_tags": _READ, "copied": _READ},
    "bookmarks": {"bookmarks": _READ, "skips": _READ},  # for health and metrics
    "rows": dict.fromkeys(_OF_READS["rows"], _READ),
    "leases": dict.fromkeys(_OF_READS["leases"], _READ),
}


class Roles(NamedTuple):
    """Name the role that an application connects as, and the one of processes that only answer queries."""

    application: str | None = None
    queries: str | None = None


class House(NamedTuple):
    """One schema with the components whose tables are in it; `has_rows` says whether read models come and go there."""

    address: Address
    components: tuple[str, ...]
    has_rows: bool

    def rights(self, whose: Whose) -> Rights:
        """Return what a role needs here, by table."""
        known = {**_OF_LOG, **_OF_READS} if whose == "application" else _OF_QUERIES
        needed = {table: rights for name in self.components for table, rights in known.get(name, {}).items()}
        return {"migrations": _READ, **needed}


def house_of_log(address: Address) -> House:
    """Return the house of a log, and of what stands beside it."""
    return House(address, tuple(each for each in components() if each not in _OF_READS), has_rows=False)


def house_of_reads(address: Address) -> House:
    """Return the house of read models."""
    return House(address, tuple(each for each in components() if each in _OF_READS), has_rows=True)


def components() -> Iterator[str]:
    """Yield the names of all components: the folders of `migrations/`."""
    folders = files("diptych.stores.postgres").joinpath("migrations").iterdir()
    yield from sorted(each.name for each in folders if each.is_dir() and not each.name.startswith("_"))
