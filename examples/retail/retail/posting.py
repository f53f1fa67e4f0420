"""Posting: enter sums in the ledger."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from diptych import Context, FieldErrors, Module
from retail.documents import Till, moment, next_number, number_of, till_of, tills
from retail.ledger import LedgerAdjusted, PostLedgerAdjustment, adjustment_numbers
from retail.sales import Taken
from retail.settings import ShopSettings

posting = Module("posting")


@posting.decides(till=tills.of(till_of), numbers=adjustment_numbers.of(number_of))
def post_adjustment(
    command: PostLedgerAdjustment,
    till: Mapping[str, Till],
    numbers: Mapping[str, Taken],
    context: Context,
    settings: ShopSettings,
) -> Generator[LedgerAdjusted, None, str]:
    """Post a sum that is not zero."""
    if not command.amount:
        raise FieldErrors({"amount": "expected a sum, found 0"})
    number = next_number(command, till, numbers)
    at = moment(command.posted_at, context.now)
    yield LedgerAdjusted(number, settings.day_of(at), at, command.amount, command.units, command.reason, command.till)
    return number
