"""How this application is run: on which write model, and who belongs to the staff."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

WriteModel = Literal["sourced", "normalised"]


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """Hold which write model decides, and the names of the staff; everybody else is a customer, named by their id."""

    write: WriteModel = "sourced"
    staff: frozenset[str] = frozenset({"staff"})

    def is_staff(self, principal: str | None) -> bool:
        """Say whether a principal belongs to the staff."""
        return principal in self.staff

    def may_see(self, principal: str | None, customer: UUID) -> bool:
        """Say whether a principal may see what concerns a customer: the staff, and the customer."""
        return self.is_staff(principal) or principal == str(customer)


def settings_of(environment: Mapping[str, str] = os.environ) -> OrderSettings:
    """Read `ORDERS_WRITE` and `ORDERS_STAFF` (names with commas between); raise ValueError for an unknown one."""
    write, known = environment.get("ORDERS_WRITE", "sourced"), get_args(WriteModel)
    if write not in known:
        raise ValueError(f"ORDERS_WRITE is {write!r}, wanted {' or '.join(known)}")
    staff = environment.get("ORDERS_STAFF", "staff").split(",")
    return OrderSettings("normalised" if write == "normalised" else "sourced", frozenset(filter(None, staff)))
