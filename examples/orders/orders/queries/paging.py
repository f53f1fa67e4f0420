"""Pages of lists."""

from __future__ import annotations

from typing import Annotated

from diptych import Bounds

Limit = Annotated[int, Bounds(ge=1, le=200)]
Offset = Annotated[int, Bounds(ge=0, le=1_000_000)]
Cursor = Annotated[str, Bounds(max_length=1000)]
"""The `next` of the page before."""
