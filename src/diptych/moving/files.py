"""Files of exported logs: plain or, by their name, packed; `-` is standard input or output."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from diptych.errors import CorruptionError, SettingsError, StorageFullError, StoreError

STANDARD = "-"
_PACKED = ".gz"
_LEVEL = 6
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_MODE = 0o600  # it holds all that the log holds


@contextlib.contextmanager
def lines_of(name: str) -> Iterator[Iterator[bytes]]:
    """Open a file and give its lines with their ends; raise SettingsError where there is none to read."""
    if name == STANDARD:
        yield iter(sys.stdin.buffer)
        return
    try:
        file = _reading(name)
    except OSError as wrong:
        raise SettingsError(f"{name} cannot be read: {wrong.strerror}") from wrong
    with file:
        yield _lines(name, file)


@contextlib.contextmanager
def written_to(name: str) -> Iterator[IO[bytes]]:
    """Open a new file for writing; it has its name, and is on disk, when all of it was written.

    Raises SettingsError for a file that is there already, or that cannot be made; StorageFullError for a full disk.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if Path(name).exists():
        raise SettingsError(f"{name} is there already; name a new file, or remove it")
    part = Path(f"{name}.part")
    with _telling(part), os.fdopen(os.open(part, _FLAGS, _MODE), "wb") as raw:
        try:
            with _packed(raw) if name.endswith(_PACKED) else contextlib.nullcontext(raw) as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
            part.rename(name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _reading(name: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(name, "rb")) if name.endswith(_PACKED) else Path(name).open("rb")


def _packed(raw: IO[bytes]) -> contextlib.closing[IO[bytes]]:
    return contextlib.closing(cast("IO[bytes]", gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0)))


def _lines(name: str, file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, gzip.BadGzipFile, zlib.error) as wrong:
        raise CorruptionError(f"{name} is damaged or was cut off: {wrong}") from wrong
    except OSError as wrong:
        raise StoreError(f"{name} cannot be read: {wrong.strerror}") from wrong


@contextlib.contextmanager
def _telling(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as wrong:
        full = wrong.errno == errno.ENOSPC
        raise (StorageFullError if full else SettingsError)(f"{part} cannot be written: {wrong.strerror}") from wrong
