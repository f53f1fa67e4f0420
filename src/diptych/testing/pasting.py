"""Values as Python that can be pasted: calls of their classes, broken into lines where they are long."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from diptych.model.fields import fields_of, is_record

_WIDTH = 100
_INDENT = "    "
_SMALL = 1 << 32
_DATES = {date: ("year", "month", "day"), time: ("hour", "minute", "second", "microsecond")}


@dataclass(frozen=True, slots=True)
class Call:
    """A piece of code that may be broken: what opens it, its parts, each with what stands before it, what closes it."""

    opening: str
    parts: tuple[tuple[str, Code], ...]
    closing: str


Code = str | Call


@dataclass(slots=True)
class Pasting:
    """Write values as Python and remember what the code must import."""

    names: dict[str, set[str]] = field(default_factory=dict)

    def of(self, value: Any) -> Code:
        """Return the code that makes a value."""
        if isinstance(value, enum.Enum):
            return f"{self.named(type(value))}.{value.name}"
        if is_record(type(value)):
            parts = tuple((f"{each.name}=", self.of(getattr(value, each.name))) for each in fields_of(type(value)))
            return Call(f"{self.named(type(value))}(", parts, ")")
        if isinstance(value, Mapping):
            return Call("{", tuple((f"{flat(self.of(key))}: ", self.of(each)) for key, each in value.items()), "}")
        return self._collection(value) if isinstance(value, (tuple, list, set, frozenset)) else self._scalar(value)

    def named(self, thing: Any, module: str | None = None) -> str:
        """Return the name by which code calls a class, and remember to import it."""
        name: str = thing if isinstance(thing, str) else thing.__qualname__
        home = module or thing.__module__
        if home != "builtins":
            self.names.setdefault(home, set()).add(name.partition(".")[0])
        return name

    def imports(self) -> list[str]:
        """Return the lines that import what was named; what a program itself or a function defines is left out."""
        homes = sorted(home for home in self.names if home != "__main__")
        return [f"from {home} import {', '.join(sorted(self.names[home]))}" for home in homes]

    def _collection(self, value: Any) -> Code:
        parts = tuple(("", self.of(each)) for each in value)
        if isinstance(value, tuple):
            return Call("(", parts, ",)" if len(parts) == 1 else ")")
        if isinstance(value, list):
            return Call("[", parts, "]")
        kind = type(value).__name__
        return Call(f"{kind}([" if parts else f"{kind}(", parts, "])" if parts else ")")

    def _scalar(self, value: Any) -> str:
        match value:
            case UUID():
                number = str(value.int) if value.int < _SMALL else f"0x{value.int:032x}"
                return f"{self.named(UUID)}(int={number})"
            case Decimal():
                return f'{self.named(Decimal)}("{value}")'
            case datetime():
                return self._instant(value)
            case date() | time():
                parts = ", ".join(str(getattr(value, name)) for name in _DATES[type(value)])
                return f"{self.named(type(value))}({parts})"
            case timedelta():
                return f"{self.named(timedelta)}(seconds={value.total_seconds():g})"
            case str():
                return _quoted(value)
            case _:
                return repr(value)

    def _instant(self, value: datetime) -> str:
        utc = value.astimezone(UTC)
        numbers = [utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond]
        while len(numbers) > 3 and not numbers[-1]:  # noqa: PLR2004 (year, month, day)
            numbers.pop()
        zone = self.named("UTC", "datetime")
        return f"{self.named(datetime)}({', '.join(map(str, numbers))}, tzinfo={zone})"


def flat(code: Code) -> str:
    """Return code on one line."""
    if isinstance(code, str):
        return code
    return code.opening + ", ".join(before + flat(part) for before, part in code.parts) + code.closing


def broken(code: Code, indent: str = "", before: str = "") -> list[str]:
    """Return code as lines of at most 100 characters where it can be broken.

    >>> broken(Call("f(", (("a=", "1"),), ")"))
    ['f(a=1)']
    """
    line = f"{indent}{before}{flat(code)}"
    if isinstance(code, str) or not code.parts or len(line) < _WIDTH:
        return [line]
    return [f"{indent}{before}{code.opening}", *_parts(code, indent + _INDENT), indent + code.closing.lstrip(",")]


def call(opening: str, parts: Iterable[Code], closing: str) -> Call:
    """Return code that is a call of these arguments."""
    return Call(opening, tuple(("", part) for part in parts), closing)


def _parts(code: Call, indent: str) -> list[str]:
    lines: list[str] = []
    for before, part in code.parts:
        lines += broken(part, indent, before)
        lines[-1] += ","
    return lines


def _quoted(text: str) -> str:
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown and "\\'" not in shown else shown


def chain(links: Sequence[Call]) -> list[str]:
    """Return calls chained by dots, each broken over lines, as a test reads: given, when, then."""
    lines: list[str] = []
    for link in links:
        whole = (
            [f"{link.opening}", *_parts(link, _INDENT), link.closing] if link.parts else [link.opening + link.closing]
        )
        lines = [*lines[:-1], f"{lines[-1]}.{whole[0]}", *whole[1:]] if lines else whole
    return lines
