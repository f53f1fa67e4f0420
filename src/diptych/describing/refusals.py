"""Refusals that a handler may raise, as far as its source shows: what it raises, and what it calls raises."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from diptych.describing.source import source_of
from diptych.errors import Refusal


def refusals_of(function: Callable[..., Any]) -> tuple[type[Refusal], ...]:
    """Return the refusals named in the source of a function and of the functions that it names, in that order."""
    return tuple(dict.fromkeys(_named(function, set())))


def _named(function: Any, seen: set[Any]) -> Iterator[type[Refusal]]:
    code = inspect.unwrap(function) if callable(function) else function
    if code in seen or not (inspect.isfunction(code) or isinstance(code, type)):
        return
    seen.add(code)
    for name in _names(code):
        found = _resolved(code, name)
        if isinstance(found, type) and issubclass(found, Refusal):
            yield found
        elif inspect.isfunction(found) and found.__module__.partition(".")[0] == code.__module__.partition(".")[0]:
            yield from _named(found, seen)


def _names(code: Any) -> Iterator[str]:
    tree = source_of(code)
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield ast.unparse(node)


def _resolved(code: Any, name: str) -> Any:
    first, *rest = name.split(".")
    spaces = (inspect.getclosurevars(code).nonlocals, code.__globals__) if inspect.isfunction(code) else ({},)
    found = next((space[first] for space in spaces if first in space), None)
    for part in rest:
        found = inspect.getattr_static(found, part, None) if found is not None else None
    return found
