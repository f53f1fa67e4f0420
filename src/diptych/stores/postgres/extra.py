"""The extra `postgres`: modules that need it, imported when somebody names such a database."""

from __future__ import annotations

import importlib
from typing import Any

from diptych.errors import SettingsError


def needing_asyncpg(name: str) -> Any:  # Any: a module
    """Import a module of this package; raise SettingsError where asyncpg is not installed."""
    try:
        return importlib.import_module(f"diptych.stores.postgres.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != "asyncpg":
            raise
        raise SettingsError(
            "a postgresql:// URL needs the extra `postgres`, and asyncpg is not installed: "
            "pip install 'diptych[postgres]'"
        ) from missing
