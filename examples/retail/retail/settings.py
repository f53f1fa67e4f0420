"""How this shop is run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """Hold the rules of the house.

    With `negative_stock` more may be sold than the books show, and then a sale neither reads stock nor competes for it.
    `timezone` says which day a moment belongs to.
    """

    negative_stock: bool = False
    timezone: str = "Europe/London"

    def day_of(self, moment: datetime) -> date:
        """Return the shop's day of a moment."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    def local(self, naive: datetime) -> datetime:
        """Return the moment that the shop's clock showed."""
        return naive.replace(tzinfo=ZoneInfo(self.timezone))
