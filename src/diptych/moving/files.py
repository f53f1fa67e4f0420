"""Files of exported logs: plain or, by their name, packed; `-` is standard input or output."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO, cast

from diptych.errors import CorruptionError, SettingsError, StorageFullError, StoreError

STANDARD = "-"
_PACKED = ".gz"
_LEVEL = 6
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
_MODE = 0o600  # it holds all that the log holds


@contextlib.contextmanager
def lines_of(name: str) -> Iterator[Iterator[bytes]]:
    """Open a file and give its lines with their ends; raise SettingsError where there is none to read."""
    if name == STANDARD:
        yield _lines("standard input", _binary(sys.stdin, "standard input"))
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

    Raises SettingsError for a file that is there already, that somebody else is writing or that cannot be made;
    StorageFullError for a full disk.
    """
    if name == STANDARD:
        with _telling("standard output"):
            yield (file := _binary(sys.stdout, "standard output"))
            file.flush()
        return
    part = Path(f"{name}.part")
    with _telling(part):
        _refuse_there(name)
        with os.fdopen(os.open(part, _FLAGS, _MODE), "wb") as raw:
            _claim(raw, part)
            try:
                _refuse_there(name)
                with _packed(raw) if name.endswith(_PACKED) else contextlib.nullcontext(raw) as packed:
                    yield packed
                raw.flush()
                os.fsync(raw.fileno())
                part.rename(name)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        _sync_folder(part.parent)


def _binary(stream: TextIO | None, what: str) -> IO[bytes]:
    if stream is None:
        raise SettingsError(f"{what} is closed; name a file")
    return stream.buffer


def _refuse_there(name: str) -> None:
    if Path(name).exists():
        raise SettingsError(f"{name} is there already; name a new file, or remove it")


def _claim(raw: IO[bytes], part: Path) -> None:
    """Take an unfinished file for ourselves, and empty it: two exports in one would be neither."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(raw.fileno()), part.stat()):  # else another export has just given it its name
            raw.truncate(0)
            return
    raise SettingsError(f"{part} is being written by another export; wait for that, or name another file")


def _sync_folder(folder: Path) -> None:
    """Put the name on disk, too."""
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


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
def _telling(part: Path | str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # nobody reads on: that is for the command line
        raise
    except OSError as wrong:
        full = wrong.errno == errno.ENOSPC
        raise (StorageFullError if full else SettingsError)(f"{part} cannot be written: {wrong.strerror}") from wrong
