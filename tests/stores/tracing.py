"""Running the appender under strace: what it does to its files, in order, and killing it there."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

APPENDER = Path(__file__).parent / "appender.py"
WRITES = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
_CALL = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>")


def appender(path: Path, *arguments: object) -> list[str]:
    return [sys.executable, str(APPENDER), str(path), *map(str, arguments)]


def traced(trace: Path, command: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    strace = shutil.which("strace")
    assert strace is not None, "strace is needed: apt-get install strace"
    full = [strace, "-f", "-y", "-o", str(trace), *options, *command]
    return subprocess.run(full, capture_output=True, text=True, timeout=120, check=False)


def acknowledged(output: str) -> set[UUID]:
    # The last line may be cut by the kill.
    return {
        UUID(line.split()[1]) for line in output.splitlines(keepends=True) if re.match(r"ack [0-9a-f-]{36}\n", line)
    }


def calls(trace: Path) -> Counter[str]:
    """Count the writing calls on the log's files: the most that any one thread made, as strace counts them."""
    found: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text().splitlines():
        call = _CALL.match(line)
        if call and call.group(2) in WRITES:
            found[call.group(2), call.group(1)] += 1
    most: Counter[str] = Counter()
    for (name, _), count in found.items():
        most[name] = max(most[name], count)
    return most


def unsafe_acknowledgements(trace: Path) -> Iterator[str]:
    """Yield each acknowledgement that was given while bytes written to the WAL were not yet synced."""
    dirty = False
    syncing: dict[str, bool] = {}
    for line in trace.read_text().splitlines():
        call, resumed = _CALL.match(line), _RESUMED.match(line)
        if resumed:
            if syncing.pop(resumed.group(1), False) and resumed.group(2) in ("fdatasync", "fsync"):
                dirty = False
        elif call:
            thread, name, rest = call.groups()
            if name == "pwrite64" and "-wal>" in rest:
                dirty = True
            elif name in ("fdatasync", "fsync") and "-wal>" in rest:
                if rest.endswith("<unfinished ...>"):
                    syncing[thread] = True
                else:
                    dirty = False
            elif name == "write" and '"ack ' in rest and dirty:
                yield line
