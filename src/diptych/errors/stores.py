"""Errors of the store underneath."""

from __future__ import annotations

from diptych.errors.root import Error


class StoreError(Error):
    """The store underneath failed."""


class ConnectionLostError(StoreError):
    """The connection to the store was lost: what was asked and not answered can be asked again, on a new one."""


class NotDurableError(StoreError):
    """The store would acknowledge what is not on disk."""


class CorruptionError(StoreError):
    """Stored bytes do not match their hash."""


class ForeignLogError(StoreError):
    """A checkpoint belongs to another log than the one that is open (restored, swapped or rewound)."""


class FencedError(StoreError):
    """The write came from a runtime that no longer owns the projection; it was refused."""


class CopyError(StoreError):
    """A log cannot be copied there, or its copy is not equal to it."""


class StorageFullError(StoreError):
    """The disk is full: nothing was acknowledged; free space and go on."""
