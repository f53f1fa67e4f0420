"""Errors of wiring and settings: found at start, before the first message."""

from __future__ import annotations

from diptych.errors.root import Error


class WiringError(Error):
    """Name what does not fit together, where it is written (file and line), and the fix."""

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem, self.where, self.fix = problem, where, fix
        place = f"\n  at   {where}" if where else ""
        remedy = f"\n  fix  {fix}" if fix else ""
        super().__init__(f"{problem}{place}{remedy}")


class SettingsError(Error):
    """Name a setting that cannot be used, what was found and what is wanted."""
