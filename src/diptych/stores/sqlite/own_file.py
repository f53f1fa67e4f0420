"""A file of its own beside the log, and the one thread that works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from diptych.stores.sqlite.jobs import finished

T = TypeVar("T")


class File(Protocol):
    """Hold the connection to a file."""

    is_suspect: bool

    def close(self) -> None:
        """Close the connection."""
        ...


F = TypeVar("F", bound=File)


class OwnFile(Generic[F]):
    """Work on a file in a thread, which makes or opens it when it is first needed, and anew while it is suspect."""

    def __init__(self, path: Path, purpose: str, open_: Callable[[Path], F]) -> None:
        self._path, self._purpose, self._open = path, purpose, open_
        self._thread: ThreadPoolExecutor | None = None
        self._file: F | None = None

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, f"diptych {self._purpose} {self._path.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.submit(self._close)
            await asyncio.to_thread(thread.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        # Not cancelled with its caller: what became of a write must be known, and the thread ends after that.
        return await finished(self._thread, work)

    def _is_there(self) -> bool:
        """Say whether there is a file: looking into it makes none."""
        return self._file is not None or self._path.exists()

    def _opened(self) -> F:
        if self._file is not None and self._file.is_suspect:
            suspect, self._file = self._file, None
            suspect.close()
        if self._file is None:
            self._file = self._open(self._path)
        return self._file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._leave(file)

    def _leave(self, file: F) -> None:
        """Close the file; the last thing that the thread does."""
        file.close()
