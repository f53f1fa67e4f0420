"""Syntax: the code of a function, and the make of a type, as text that no new Python version changes."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, Union, get_args, get_origin

from diptych.model.fields import fields_of, is_record

_IGNORED = frozenset({"decorator_list", "returns", "annotation", "type_comment", "type_params", "kind", "ctx"})
_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def type_text(tp: Any, within: tuple[Any, ...] = ()) -> str:
    """Return a type as text: its arguments, and the fields of a record, which is kept as JSON."""
    arguments = [type_text(argument, within) for argument in get_args(tp)]
    origin = get_origin(tp) or tp
    name = "UnionType" if origin is Union else getattr(origin, "__qualname__", str(tp))  # Python 3.14 made them one
    if is_record(origin) and origin not in within:
        arguments += [
            f"{each.name}: {type_text(each.type, (*within, origin))} {each.optional}" for each in fields_of(origin)
        ]
    return f"{name}[{', '.join(arguments)}]" if arguments else str(name)


def code_of(function: Callable[..., Any]) -> str:
    """Return the normalised syntax tree of a function; its name alone where its source is out of reach."""
    code: CodeType | None = getattr(function, "__code__", None)
    found = _nodes(code) if code is not None else ()
    return "".join(_dump(node, top=True) for node in found) or f"<{getattr(function, '__qualname__', function)}>"


def _nodes(code: CodeType) -> tuple[ast.AST, ...]:
    found = _functions(code.co_filename).get((code.co_firstlineno, code.co_name), ())
    return tuple(node for node in found if _is_of(node, code)) or found if len(found) > 1 else found


def _is_of(node: ast.AST, code: CodeType) -> bool:
    """Tell the lambdas of one line apart: the instructions of one lie within its body."""
    if not isinstance(node, ast.Lambda):
        return False
    body = node.body
    starts = {(line, column) for line, _, column, end in code.co_positions() if line and column != end}
    ends = (body.end_lineno or body.lineno, body.end_col_offset or 0)
    return all((body.lineno, body.col_offset) <= (line, column or 0) < ends for line, column in starts)


@lru_cache(maxsize=256)
def _functions(file: str) -> dict[tuple[int, str], tuple[ast.AST, ...]]:
    linecache.checkcache(file)
    source = "".join(linecache.getlines(file))
    found: dict[tuple[int, str], tuple[ast.AST, ...]] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
            place = (first, getattr(node, "name", "<lambda>"))
            found[place] = (*found.get(place, ()), node)
    return found


def _dump(node: Any, *, top: bool = False) -> str:
    if isinstance(node, ast.AST):
        kept = [(name, value) for name, value in ast.iter_fields(node) if name not in _IGNORED]
        fields = [(name, _body(node, value) if name == "body" else value) for name, value in kept]
        shown = [f"{name}={_dump(value)}" for name, value in fields if value not in (None, []) and not _own(name, top)]
        return f"{type(node).__name__}({' '.join(shown)})"
    if isinstance(node, list):
        return f"[{' '.join(_dump(each) for each in node)}]"
    return repr(node)


def _own(name: str, top: bool) -> bool:  # noqa: FBT001 (internal)
    return top and name == "name"


def _body(node: ast.AST, body: Any) -> Any:
    documented = isinstance(node, (*_Function, ast.ClassDef)) and isinstance(body, list) and body
    if documented and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[1:] if isinstance(body[0].value.value, str) else body
    return body
