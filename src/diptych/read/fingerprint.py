"""Fingerprint: what a projection's rows depend on, in a form that no new Python version changes."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter, itemgetter
from types import CodeType
from typing import Any, Union, get_args, get_origin

from diptych.model.fields import fields_of, is_record
from diptych.model.messages import event_type
from diptych.model.projections import Projection, ReadModel, RowFold
from diptych.model.rows import Column

_IGNORED = frozenset({"decorator_list", "returns", "annotation", "type_comment", "type_params", "kind", "ctx"})
_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def fingerprint_of(projection: Projection) -> str:
    """Return the fingerprint of a projection: its read models, their columns, and the code of their folds.

    Renamed folds, comments, docstrings, decorators and annotations leave it as it is. Functions that a fold calls are
    not part of it: raise the version when one of them changes.
    """
    text = "\n".join(part for model in projection.models for part in _model(model))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _model(model: ReadModel[Any]) -> Iterator[str]:
    yield f"model {model.name} {model.key} {model.append_only} {sorted(model.indexes)}"
    if model.history:
        yield "history"
    yield from (f"index {text}" for text in sorted(map(str, model.declared)))
    for column in model.columns:
        yield _column(model, column)
    for event, folds in model.folds.items():
        for fold in folds:
            key_code = _code_behind(fold.keys, fold.key_fields)
            yield f"on {event_type(event).name} {fold.key_fields} {fold.must_exist} {key_code}"
            yield from _beside(fold)
            yield code_of(fold.function)
    for rollup in model.rollups:
        key_code = _key_of(rollup.key_of, rollup.key_fields)
        yield f"rollup {rollup.source.name} {rollup.key_fields} {rollup.must_exist} {key_code}"
        yield code_of(rollup.function)


def _beside(fold: RowFold) -> Iterator[str]:
    """Yield what only some folds have; the text of the others is what it was before there were such folds."""
    if fold.where:
        yield f"where {fold.where}"
    for each in fold.references:
        code = _key_of(each.key_of, each.key_fields)
        yield f"reference {each.parameter} {each.model.name} {each.key_fields} {each.must_exist} {code}"


def _column(model: ReadModel[Any], column: Column) -> str:
    computed = code_of(vars(model.row)[column.name].function) if column.computed else ""
    searched = " searched" if column.weight is not None else ""  # its weight is set at every start
    return (
        f"column {column.name} {_type(column.type)} {column.optional} {column.scale} {column.indexed} "
        f"{column.unique} {computed}{searched}"
    )


def _type(tp: Any, within: tuple[Any, ...] = ()) -> str:
    """Return a type as text: its arguments, and the fields of a record, which is kept inside a row as JSON."""
    arguments = [_type(argument, within) for argument in get_args(tp)]
    origin = get_origin(tp) or tp
    name = "UnionType" if origin is Union else getattr(origin, "__qualname__", str(tp))  # Python 3.14 made them one
    if is_record(origin) and origin not in within:
        arguments += [
            f"{each.name}: {_type(each.type, (*within, origin))} {each.optional}" for each in fields_of(origin)
        ]
    return f"{name}[{', '.join(arguments)}]" if arguments else str(name)


def _code_behind(key_of: Callable[..., Any], fields: tuple[str, ...]) -> str:
    """Return the code of the function given as a key, which ours has closed over; none where fields are named."""
    if fields:
        return ""
    cells = getattr(key_of, "__closure__", None) or ()
    return "".join(code_of(cell.cell_contents) for cell in cells if hasattr(cell.cell_contents, "__code__"))


def _key_of(key_of: Callable[..., Any], fields: tuple[str, ...]) -> str:
    """Return the code behind a key, or the names in an `attrgetter`, which has none and which `_code_behind` misses."""
    cells = () if fields else getattr(key_of, "__closure__", None) or ()
    getters = [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, (attrgetter, itemgetter))]
    return _code_behind(key_of, fields) + "".join(map(repr, getters))


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
