"""How big a fault test is: small for every commit, full for `make prove`."""

from __future__ import annotations

import os

FULL = "DIPTYCH_FULL"


def size(small: int, *, full: int) -> int:
    """Return the small size, or the full one when the environment says so."""
    return full if os.environ.get(FULL) else small
