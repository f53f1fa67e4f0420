"""The testing kit: specifications by example, a clock and ids that obey, and what every adapter must promise."""

from diptych.testing.clock import NOON, FixedClock
from diptych.testing.ids import COMMAND_ID, SequentialIds, generated
from diptych.testing.outcomes import Outcome
from diptych.testing.specification import Given, Specification, given

__all__ = [
    "COMMAND_ID",
    "NOON",
    "FixedClock",
    "Given",
    "Outcome",
    "SequentialIds",
    "Specification",
    "generated",
    "given",
]
