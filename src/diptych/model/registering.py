"""How a function becomes a row fold: its parameters and keys are looked at once, and refused where they do not fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import NoneType
from typing import Any, get_origin

from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, hints_of, place_of, split_marks, split_optional
from diptych.model.folds import Parameter, parameters_of, takes
from diptych.model.keyforms import is_alike
from diptych.model.meta import Meta
from diptych.model.rowfolds import KEY, META, Reference, Referred, RollupFold, RowChange, RowFold
from diptych.model.rowkeys import key_of_event, key_of_row, keys_of
from diptych.model.rows import Column, refuse_unscaled

References = Mapping[str, Reference[Any]]


def fold_of(
    model: Any,  # a ReadModel
    function: Callable[..., Any],
    event: type,
    *,
    key: Any,
    keys: Any,
    references: References,
) -> RowFold:
    """Compile the fold of one type of event into the rows that it is the key of."""
    beside = 1 if model.append_only else 2
    _refuse_keyed(model, function, key, keys)
    referred, extras = _extras(model, function, event, references, beside=beside)
    meta = takes(function, Meta)
    if model.append_only:
        return RowFold(function, event, lambda _: ((),), False, meta, (), referred, extras)
    extract, used = keys_of(model, event, key, keys, function)
    deletes = _deletes(function)
    return RowFold(function, event, extract, _must_exist(function), meta, used, referred, extras, deletes=deletes)


def fan_out(
    model: Any,  # a ReadModel
    function: Callable[..., Any],
    event: type,
    columns: tuple[tuple[str, str], ...],
    references: References,
) -> RowFold:
    """Compile the fold of one type of event into every row whose columns equal its fields."""
    _refuse_unknown(model, function, event, columns)
    referred, extras = _extras(model, function, event, references, beside=2)
    meta, deletes = takes(function, Meta), _deletes(function)
    return RowFold(function, event, lambda _: (), True, meta, (), referred, extras, columns, deletes)


def rollup_of(model: Any, source: Any, function: Callable[..., Any], key: Any) -> RollupFold:
    """Compile the fold of another read model's row changes."""
    if source.projection != model.projection or source.order >= model.order:
        raise WiringError(
            f"{function.__qualname__} rolls {source.name!r} up into {model.name!r}, which is not declared below it in "
            f"the same projection",
            where=place_of(function),
            fix="declare both in one projection, first what is rolled up, then what it is rolled up into",
        )
    if model.append_only:
        raise WiringError(
            f"{function.__qualname__} rolls {source.name!r} up into {model.name!r}, which is append-only",
            where=place_of(function),
            fix="declare the read model with a key: read_model(..., key='...')",
        )
    if not _is_change(parameters_of(function)[1:2]):
        raise WiringError(
            f"the second parameter of {function.__qualname__} is no row change",
            where=place_of(function),
            fix=f"write (row: {model.row.__name__} | None, change: RowChange[{source.row.__name__}]) -> ...",
        )
    _, extras = _extras(model, function, None, {}, beside=2)
    key_of, used = key_of_row(model, source, key, function)
    return RollupFold(function, source, key_of, _must_exist(function), used, extras, _deletes(function))


def _is_change(second: Sequence[Parameter]) -> bool:
    return any((get_origin(each.type) or each.type) is RowChange for each in second)


def _extras(
    model: Any, function: Callable[..., Any], event: type | None, references: References, *, beside: int
) -> tuple[tuple[Referred, ...], tuple[int, ...]]:
    """Return the references in the order of their parameters, and which of them, or the Meta, each parameter takes."""
    _refuse_async(function)
    referred: list[Referred] = []
    extras = []
    for parameter in parameters_of(function)[beside:]:
        if parameter.type is Meta:
            extras.append(META)
        elif parameter.name == "key" and not model.append_only:
            extras.append(KEY)
        elif parameter.name in references and event is not None:
            extras.append(len(referred))
            referred.append(_referred(model, function, event, parameter, references[parameter.name]))
        else:
            raise WiringError(
                f"nobody gives {function.__qualname__} its {parameter.name!r}",
                where=place_of(function),
                fix="a fold takes Meta, the row's key (named key), and rows by reference: "
                f"@{model.name}.on({parameter.name}=others['field'])",
            )
    _refuse_unused(function, references.keys() - {each.parameter for each in referred})
    return tuple(referred), tuple(extras)


def _refuse_unused(function: Callable[..., Any], names: AbstractSet[str]) -> None:
    if names:
        raise WiringError(
            f"{function.__qualname__} has no parameter {min(names)!r} for the reference of that name",
            where=place_of(function),
            fix="name the reference as the parameter that takes the row",
        )


def _referred(
    model: Any, function: Callable[..., Any], event: type, parameter: Parameter, reference: Reference[Any]
) -> Referred:
    _refuse_unreferred(model, function, parameter.name, reference)
    other = reference.model
    if other.projection != model.projection or other.append_only:
        raise WiringError(
            f"{function.__qualname__} takes a row of {other.name!r}, which is "
            + ("append-only" if other.append_only else f"of projection {other.projection!r}"),
            where=place_of(function),
            fix=f"refer to a keyed read model of projection {model.projection!r}: rows of others may be older",
        )
    bare, optional = split_optional(parameter.type)
    if bare is not other.row:
        raise WiringError(
            f"{parameter.name!r} of {function.__qualname__} takes {bare!r}, and rows of {other.name!r} are "
            f"{other.row.__qualname__}",
            where=place_of(function),
            fix=f"write {parameter.name}: {other.row.__qualname__} | None",
        )
    key_of, used = key_of_event(other, event, reference.key, function)
    return Referred(parameter.name, other, key_of, not optional, used)


def _refuse_unreferred(model: Any, function: Callable[..., Any], name: str, given: Any) -> None:
    if not isinstance(given, Reference):
        raise WiringError(
            f"{function.__qualname__} is given {name}={given!r}, which is no reference to rows",
            where=place_of(function),
            fix=f"write @{model.name}.on({name}=others['field of the event'])",
        )


def _refuse_unknown(
    model: Any, function: Callable[..., Any], event: type, columns: tuple[tuple[str, str], ...]
) -> None:
    known = {column.name: column for column in model.columns}
    present = {each.name: each for each in fields_of(event)}
    for column, name in columns:
        if column not in known or name not in present:
            lacking, owner = (column, model.row) if column not in known else (name, event)
            raise WiringError(
                f"{function.__qualname__} changes the rows of {model.name!r} where {column} equals the event's "
                f"{name}, and {owner.__qualname__} has no {lacking!r}",
                where=place_of(function),
                fix=f"name a column and a field: @{model.name}.where(column='field').on",
            )
        refuse_unscaled(model.row, known[column])
        _refuse_unlike(model, function, event, known[column], present[name])
    if not columns or model.append_only:
        raise WiringError(
            f"{function.__qualname__} changes rows of {model.name!r} by no column",
            where=place_of(function),
            fix="write @model.where(column='field of the event').on, for a read model that is not append-only",
        )


def _refuse_unlike(model: Any, function: Callable[..., Any], event: type, column: Column, field: Field) -> None:
    if not is_alike(column, field):
        raise WiringError(
            f"{function.__qualname__} looks for {field.name!r} of {event.__qualname__} in the column "
            f"{column.name!r} of {model.name!r}, which is of another type, or no single value",
            where=place_of(function),
            fix="give both the same type, Decimals the same Scale; keep what is looked for in a column of its own",
        )


def _refuse_keyed(model: Any, function: Callable[..., Any], key: Any, keys: Any) -> None:
    given = [name for name, value in (("key", key), ("keys", keys)) if value is not None]
    if len(given) > (0 if model.append_only else 1):
        found = "append-only: its rows are keyed by position and index" if model.append_only else "keyed by one of them"
        raise WiringError(
            f"{function.__qualname__} is given {' and '.join(given)}, and {model.name!r} is {found}",
            where=place_of(function),
            fix=f"write @{model.name}.on" + ("" if model.append_only else "(key=...), or keys=... for several rows"),
        )


def _refuse_async(function: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise WiringError(
            f"{function.__qualname__} folds and is async; a fold is pure and runs again in every rebuild",
            where=place_of(function),
            fix="write a plain function; what has an effect outside is a Subscriber, what is looked up a reference",
        )


def _must_exist(function: Callable[..., Any]) -> bool:
    first = parameters_of(function)[0]
    return not split_optional(split_marks(hints_of(function)[first.name])[0])[1]


def _deletes(function: Callable[..., Any]) -> bool:
    """Say whether a fold may answer None: where its return type promises a row, a None is a forgotten `return`."""
    said = split_marks(hints_of(function).get("return", Any))[0]
    return said in (Any, object, NoneType) or split_optional(said)[1]
