"""The fair lock: one writer at a time on one SQLite file, over all threads and processes, in turns."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakSet

from diptych.errors import SettingsError, StoreError

_MODE = 0o600
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class FairLock:
    """Exclude every other writer of the file: `with lock: ...` around begin..commit, checkpoint and close.

    SQLite before 3.51.3 can corrupt a file when two connections write and checkpoint at the same instant, and its own
    busy handler starves processes for seconds. Here whoever waits holds the turnstile, so the one that just released
    the lock comes after it: turns alternate. Each user opens its own FairLock; flock keeps apart those of one process
    too. Locks die with their process. Raises StoreError in a forked child, SettingsError without a folder.
    """

    def __init__(self, path: Path) -> None:
        self._pid = os.getpid()
        self._thread_lock = threading.Lock()
        self._turn = _open(f"{path}-turn")
        self._lock = _open(f"{path}-lock")
        _open_locks.add(self)

    def __enter__(self) -> None:
        if os.getpid() != self._pid:
            raise StoreError("this store was opened before the process forked; open it again in the child")
        self._thread_lock.acquire()
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)
        except BaseException:
            self._thread_lock.release()
            raise

    def __exit__(self, *exception: object) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        finally:
            self._thread_lock.release()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Give a waiting writer its turn in the middle of long work, outside any transaction."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def close(self) -> None:
        """Close the lock files; closing twice is closing once."""
        with self._thread_lock:
            self._close_files()

    def _close_files(self) -> None:
        numbers, self._turn, self._lock = (self._turn, self._lock), -1, -1
        for number in numbers:
            if number >= 0:
                os.close(number)


def unmade(path: str | Path, wrong: OSError) -> SettingsError:
    """Return the error of a file that could not be made, with what to do."""
    if isinstance(wrong, FileNotFoundError):
        return SettingsError(f"there is no folder {Path(path).parent}; make it, or name a file in a folder that exists")
    return SettingsError(f"{path} cannot be made: {wrong.strerror}; name a file that this process may make")


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS, _MODE)
    except OSError as wrong:
        raise unmade(path, wrong) from wrong


_open_locks: WeakSet[FairLock] = WeakSet()


def _forget_in_child() -> None:
    # A child shares the parent's open files and so its locks: were the parent killed, they would not be freed.
    for lock in list(_open_locks):
        lock._close_files()  # noqa: SLF001 (the thread lock may be held by a thread that the child does not have)


os.register_at_fork(after_in_child=_forget_in_child)
