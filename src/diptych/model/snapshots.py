"""Snapshots: how often the state of an entity is saved, so that loading it folds only what came after."""

from __future__ import annotations

from dataclasses import dataclass

from diptych.errors import WiringError


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Save the state of an entity whenever it has `every` more events: `Decider(..., snapshots=Snapshots(every=100))`.

    A saved state is only a cache of the fold: one of other code, of another `version`, of another log, or damaged, is
    not used, and all events are folded. Changed code of the fold is noticed; raise `version` when something changed
    that the fold only calls, such as a function beside it or an upcaster. Raises WiringError unless both are whole
    numbers from 1.
    """

    every: int = 100
    version: int = 1

    def __post_init__(self) -> None:
        for name, found in (("every", self.every), ("version", self.version)):
            if type(found) is not int or found < 1:
                raise WiringError(
                    f"{name} of Snapshots is a whole number from 1, found {found!r}",
                    fix="write Snapshots(every=100, version=1)",
                )
