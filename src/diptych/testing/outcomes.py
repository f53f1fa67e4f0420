"""What came of a command in a specification, and what a test may expect of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NoReturn, Self

from diptych.errors import Refusal
from diptych.model.results import Invalid, Result
from diptych.testing.differences import side_by_side

Expected = str | Sequence[str] | EllipsisType
"""What is expected to be said of a field: a part of a message, parts of several, or `...` for anything."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold the result of a command and the events that it records; each `then` raises AssertionError unless it holds.

    Every `then` returns the outcome, so that they chain.
    """

    command: Any
    result: Result[Any]
    events: tuple[Any, ...] = ()
    refusal: Refusal | None = None

    def then(self, *events: Any) -> Self:
        """Expect the command to be accepted with exactly these events."""
        __tracebackhide__ = True
        if not self.result.is_success:
            self._fail("was not accepted", events, [self.result])
        if self.events != events:
            self._fail("records other events", events, self.events)
        return self

    def then_nothing(self) -> Self:
        """Expect the command to be accepted without an event."""
        __tracebackhide__ = True
        return self.then()

    def then_value(self, value: Any) -> Self:
        """Expect the command to be accepted with this value as its result."""
        __tracebackhide__ = True
        if not self.result.is_success:
            self._fail("was not accepted", [repr(value)], [self.result])
        if self.result.value != value:
            self._fail("gives another value", [repr(value)], [repr(self.result.value)])
        return self

    def then_refused(self, refusal: type[Refusal] | str = Refusal, /, **data: Any) -> Self:
        """Expect a refusal of this class or code, whose data holds at least these values."""
        __tracebackhide__ = True
        wanted = refusal if isinstance(refusal, str) else refusal.__name__
        found = self.refusal
        if found is None:
            self._fail("was not refused", [f"refused: {wanted}"], self.events or [self.result])
        if not (found.code == refusal if isinstance(refusal, str) else isinstance(found, refusal)):
            self._fail("was refused for another reason", [wanted], [f"{type(found).__name__}: {found.message}"])
        held = {name: found.data.get(name) for name in data}
        if held != data:
            self._fail("was refused with other data", _items(data), _items(held))
        return self

    def then_invalid(self, errors: Mapping[str, Expected] | None = None, /) -> Self:
        """Expect exactly these fields to be reported: path -> a part of the message, or `...` for any message."""
        __tracebackhide__ = True
        if not isinstance(self.result, Invalid):
            self._fail("was not invalid", [f"invalid: {errors or '...'}"], self.events or [self.result])
        wanted, found = dict(errors or dict.fromkeys(self.result.errors, ...)), self.result.errors
        if wanted.keys() != found.keys() or not all(_says(found[path], wanted[path]) for path in wanted):
            self._fail("is invalid in other fields", _items(wanted), _items(found))
        return self

    def _fail(self, reason: str, expected: Sequence[Any], found: Sequence[Any]) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(side_by_side(expected, found, reason=f"{type(self.command).__name__} {reason}"))


def _says(messages: Sequence[str], wanted: Expected) -> bool:
    if isinstance(wanted, EllipsisType):
        return True
    parts = (wanted,) if isinstance(wanted, str) else wanted
    return all(any(part in message for message in messages) for part in parts)


def _items(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value!r}" for name, value in sorted(values.items())]
