"""Pages of lists."""

from __future__ import annotations

from typing import Annotated

from diptych import Bounds

Limit = Annotated[int, Bounds(ge=1, le=500)]
Offset = Annotated[int, Bounds(ge=0, le=1_000_000_000)]
