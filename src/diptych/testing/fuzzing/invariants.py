"""Invariants: what the user says must hold of every state, and of every step from one state to the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diptych.errors import WiringError
from diptych.model.fields import hints_of, members_of, place_of
from diptych.testing.fuzzing.course import Course, Step

_STATE, _STATE_AND_HISTORY, _STEP = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Invariant:
    """Hold a function and the classes that its parameters name; an empty tuple means any."""

    function: Callable[..., Any]
    states: tuple[type, ...]
    commands: tuple[type, ...]
    arity: int

    @property
    def name(self) -> str:
        """Return the name of the function, or where a nameless one is written."""
        name = str(self.function.__name__)
        return f"the invariant at {place_of(self.function)}" if name == "<lambda>" else name

    def judge_state(self, state: Any, history: tuple[Any, ...]) -> None:
        """Raise AssertionError unless the function holds of the state, and of the events that made it if it asks."""
        if _is_one(state, self.states):
            self._hold(*(state, history)[: self.arity])

    def judge_step(self, step: Step) -> None:
        """Raise AssertionError unless the function holds of an accepted command, for each state of its type."""
        if step.decided.refusal is None and _is_one(step.command, self.commands):
            for before, live in step.states:
                if _is_one(before, self.states):
                    self._hold(before, step.command, tuple(step.decided.events), live.state)

    def _hold(self, *arguments: Any) -> None:
        try:
            said = self.function(*arguments)
        except AssertionError as broken:
            raise AssertionError(f"{self.name} does not hold{_said(broken)}") from broken
        except Exception as wrong:
            raise AssertionError(f"{self.name} raises {type(wrong).__name__}: {wrong}") from wrong
        if said is not None and not said:
            raise AssertionError(f"{self.name} does not hold")


def invariants_of(functions: Sequence[Callable[..., Any]], initials: Sequence[Any]) -> tuple[Invariant, ...]:
    """Compile invariants; raise WiringError for one that says nothing of any of these initial states."""
    found = tuple(_invariant(function) for function in functions)
    for each in found:
        if not any(_is_one(initial, each.states) for initial in initials):
            known = ", ".join(sorted({type(initial).__name__ for initial in initials}))
            raise WiringError(
                f"{each.name} is about {' | '.join(cls.__name__ for cls in each.states)}, which is no state here",
                where=place_of(each.function),
                fix=f"take one of the states: {known}",
            )
    return found


def judge(course: Course, step: Step, invariants: Sequence[Invariant]) -> None:
    """Raise AssertionError where an invariant does not hold of a step, or of a state after it."""
    for each in invariants:
        if each.arity == _STEP:
            each.judge_step(step)
        else:
            for live in course.entities:
                each.judge_state(live.state, live.history(course.log))


def _invariant(function: Callable[..., Any]) -> Invariant:
    names = list(inspect.signature(function).parameters)
    if len(names) not in (_STATE, _STATE_AND_HISTORY, _STEP):
        raise WiringError(
            f"the invariant {function.__qualname__} takes {len(names)} parameters",
            where=place_of(function),
            fix="write (state), (state, events) for the events that made it, or (before, command, events, after)",
        )
    hints = hints_of(function)
    commands = _classes(hints.get(names[1])) if len(names) == _STEP else ()
    return Invariant(function, _classes(hints.get(names[0])), commands, len(names))


def _classes(hint: Any) -> tuple[type, ...]:
    return tuple(each for each in members_of(hint) if isinstance(each, type) and each not in (object, Any))


def _is_one(value: Any, classes: tuple[type, ...]) -> bool:
    return not classes or isinstance(value, classes)


def _said(broken: AssertionError) -> str:
    text = str(broken).partition("\n")[0]
    return f": {text}" if text else ""
