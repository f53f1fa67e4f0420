"""Run a child process and start it anew whenever a source file changes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

INTERVAL = 0.3
_GRACE = 10.0
_SUFFIXES = (".py", ".toml", ".sql")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})

Stamps = Mapping[str, tuple[int, int]]


def stamps(folders: Sequence[Path]) -> Stamps:
    """Return time and size of every source file below the folders; hidden folders and environments are left out."""
    return {path: (found.st_mtime_ns, found.st_size) for folder in folders for path, found in _files(folder)}


def restarted(command: Sequence[str], folders: Sequence[Path], told: Callable[[str], None]) -> None:
    """Run the command until it is interrupted; end and start it anew when a file changes.

    A child that ends by itself, through a mistake in the code, is started again at the next change.
    """
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    seen, child = stamps(folders), subprocess.Popen(command)  # noqa: S603 (this very Python)
    try:
        while not stop.wait(INTERVAL):
            now = stamps(folders)
            if now != seen:
                told(f"{_changed(seen, now)} changed: starting anew")
                _end(child)
                seen, child = now, subprocess.Popen(command)  # noqa: S603 (this very Python)
    finally:
        _end(child)
        signal.signal(signal.SIGTERM, before)


def this_python(*arguments: str) -> list[str]:
    """Return the command that runs this program anew with these arguments."""
    return [sys.executable, "-m", "diptych", *arguments]


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if entry.is_dir(follow_symlinks=False):
                if not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):  # noqa: PTH110, PTH118 (scanned often)
                    yield from _files(Path(entry.path))
            elif entry.name.endswith(_SUFFIXES):
                with contextlib.suppress(OSError):
                    yield entry.path, entry.stat()


def _changed(seen: Stamps, now: Stamps) -> str:
    names = sorted({path for path, _ in set(seen.items()) ^ set(now.items())})
    first = Path(names[0]).name if names else "a file"
    return first if len(names) <= 1 else f"{first} and {len(names) - 1} more"


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
