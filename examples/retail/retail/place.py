"""Where the books are kept: in files of a folder, or in a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

Place = Path | str
"""A folder for SQLite files, or a `postgresql://` URL."""

FILE: Final = "shop.db"
_SERVER: Final = "postgresql://"


def place_of(text: str) -> Place:
    """Return the place that somebody names; raise ValueError for a file."""
    if text.startswith(_SERVER):
        return text
    folder = Path(text)
    if folder.is_file():
        raise ValueError(f"{folder} is a file; name a folder, or a {_SERVER} URL")
    return folder


def made(place: Place) -> Place:
    """Return the place, its folder made."""
    if isinstance(place, Path):
        place.mkdir(parents=True, exist_ok=True)
    return place


def log_at(place: Place | None) -> str:
    """Return the URL of the log of a place; in memory without one."""
    if place is None:
        return "memory://"
    return place if isinstance(place, str) else f"sqlite:///{place.absolute()}/{FILE}"
