"""Narrowing: which names the source of a handler leads to for one of its commands, by the cases of its `match`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any

from diptych.describing.source import source_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def names_for(function: Callable[..., Any], command: str, commands: Collection[str]) -> frozenset[str] | None:
    """Return the names in the source that are for this command, leaving out the cases of the others.

    None where no case names the command: then nothing is known.
    """
    tree = source_of(function)
    if tree is None:
        return None
    cases = [case for node in ast.walk(tree) if isinstance(node, ast.Match) for case in node.cases]
    named = {id(case): {name for name in _names(case.pattern) if name in commands} for case in cases}
    if not any(command in found for found in named.values()):
        return None
    others = {id(case) for case in cases if named[id(case)] and command not in named[id(case)]}
    body = [each for node in tree.body for each in getattr(node, "body", ())]  # its signature names them all
    return frozenset(name for each in body for name in _within(each, others))


def methods_reached(function: Callable[..., Any], owner: type) -> tuple[Callable[..., Any], ...]:
    """Return a function with the methods of a class that its source calls, and those that they call."""
    found: dict[Callable[..., Any], None] = {}
    todo = [function]
    while todo:
        found[todo[-1]] = None
        calls = [node for each in _body(todo.pop()) for node in ast.walk(each) if isinstance(node, ast.Call)]
        names = [node.func.attr for node in calls if isinstance(node.func, ast.Attribute)]
        methods = (inspect.getattr_static(owner, name, None) for name in names)
        todo += [method for method in methods if inspect.isfunction(method) and method not in found]
    return tuple(found)


def names_reached(function: Callable[..., Any], owner: type) -> frozenset[str]:
    """Return the names in the source of a function, and in that of the methods of a class which it leads to."""
    parts = methods_reached(function, owner)
    return frozenset(name for part in parts for each in _body(part) for name in _names(each))


def _body(function: Callable[..., Any]) -> list[ast.stmt]:
    tree = source_of(function)
    nodes = [] if tree is None else tree.body
    return [each for node in nodes if isinstance(node, _FUNCTIONS) for each in node.body]


def _within(node: ast.AST, left_out: Collection[int]) -> Iterator[str]:
    if id(node) in left_out:
        return
    yield from _own(node)
    for child in ast.iter_child_nodes(node):
        yield from _within(child, left_out)


def _names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        yield from _own(each)


def _own(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
