"""The machine that figures come from: what matters for them, and nothing that names it."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("diptych", "msgspec", "sqlalchemy", "starlette", "uvicorn", "fastapi", "uvloop", "httptools")


def described(folder: Path) -> dict[str, Any]:  # Any: JSON
    """Describe processor, system and versions, and the file system of the folder that was measured in."""
    return {
        "cores": os.cpu_count(),
        "processor": _line("/proc/cpuinfo", "model name"),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "filesystem": filesystem(folder),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def filesystem(folder: Path) -> str:
    """Return the kind of file system that a folder lies on; durable figures on tmpfs would mean nothing."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if folder.resolve().is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


def load_average() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes: figures taken beside other work say so."""
    return [round(each, 2) for each in os.getloadavg()]


def _line(path: str, key: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return platform.machine()
