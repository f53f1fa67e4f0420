"""Remember what was compiled for a type."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
_TYPES = 4096


def memo(function: F) -> F:
    """Call a pure function of hashable arguments once per argument and remember what it returned.

    It is `lru_cache` with the function's own type; mypy does not take a class for something hashable.
    """
    return cast("F", lru_cache(maxsize=_TYPES)(function))
