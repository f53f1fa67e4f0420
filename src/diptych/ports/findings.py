"""Findings: what an examination finds and what upkeep does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Say what was looked at, how it is, and the fix."""

    about: str
    level: Level
    text: str
    fix: str = ""

    def described(self) -> dict[str, Any]:
        """Return the finding as a value that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Kept:
    """Say what was done, or is due, in one schema: migrations by name, and statements that give roles their rights."""

    schema: str
    migrations: tuple[str, ...]
    grants: tuple[str, ...]
