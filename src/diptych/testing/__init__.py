"""The testing kit: specifications by example, a clock and ids that obey, and what every adapter must promise."""

import importlib
from typing import TYPE_CHECKING, Any

from diptych.history.folder import SequentialFolder, fold_log
from diptych.testing.clock import NOON, FixedClock
from diptych.testing.golden import AsStored, golden_log, write_log
from diptych.testing.ids import COMMAND_ID, SequentialIds, generated
from diptych.testing.outcomes import Outcome
from diptych.testing.past import Recorded
from diptych.testing.plans import Plan, explained, plan_of
from diptych.testing.scenario import Given, Scenario, given, rows
from diptych.testing.stored import Stored

if TYPE_CHECKING:
    from diptych.testing.fuzzing.machine import fuzz

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
    "fuzz",
    "generated",
    "given",
    "golden_log",
    "plan_of",
    "rows",
    "write_log",
]


def __getattr__(name: str) -> Any:  # Any: `fuzz`, the one name here that needs an extra
    if name != "fuzz":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module("diptych.testing.fuzzing.machine").fuzz
    except ModuleNotFoundError as missing:
        if missing.name != "hypothesis":
            raise
        raise ModuleNotFoundError(
            "fuzz needs Hypothesis, which is not installed: pip install 'diptych[testing]'", name="hypothesis"
        ) from missing
