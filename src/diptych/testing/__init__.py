"""The testing kit: specifications by example, a clock and ids that obey, and what every adapter must promise."""

from diptych.history.folder import SequentialFolder, fold_log
from diptych.testing.clock import NOON, FixedClock
from diptych.testing.golden import AsStored, golden_log, write_log
from diptych.testing.ids import COMMAND_ID, SequentialIds, generated
from diptych.testing.outcomes import Outcome
from diptych.testing.past import Recorded
from diptych.testing.plans import Plan, explained, plan_of
from diptych.testing.scenario import Given, Scenario, given, rows
from diptych.testing.stored import Stored

__all__ = [
    "COMMAND_ID",
    "NOON",
    "AsStored",
    "FixedClock",
    "Given",
    "Outcome",
    "Plan",
    "Recorded",
    "Scenario",
    "SequentialFolder",
    "SequentialIds",
    "Stored",
    "explained",
    "fold_log",
    "generated",
    "given",
    "golden_log",
    "plan_of",
    "rows",
    "write_log",
]
