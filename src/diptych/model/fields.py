"""The fields of a message or a row, read once from its type hints."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NewType, Union, get_args, get_origin, get_type_hints

import msgspec

from diptych.errors import WiringError
from diptych.model.marks import Scale
from diptych.model.memo import memo
from diptych.model.pydantic import defaults_of_model, hints_of_model, is_model, misfit

REQUIRED: Any = dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class Field:
    """Describe one field: its full hint, its type without marks and None, the marks, and whether None fits."""

    name: str
    hint: Any
    type: Any
    marks: tuple[Any, ...]
    optional: bool
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Say whether the field has no default."""
        return self.default is REQUIRED

    def mark(self, kind: type[Any]) -> Any:  # Any: the mark of that kind, or None
        """Return the first mark of this kind, or None."""
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)


def is_record(tp: object) -> bool:
    """Say whether the type is one whose fields we can read: a dataclass, a msgspec Struct or a pydantic model."""
    return isinstance(tp, type) and (dataclasses.is_dataclass(tp) or issubclass(tp, msgspec.Struct) or is_model(tp))


@memo
def fields_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of a dataclass, Struct or pydantic model in order.

    Raises WiringError when the type is none of them, or when a hint cannot be resolved.
    """
    if not is_record(cls):
        raise WiringError(
            f"{cls!r} has no fields that can be read",
            where=place_of(cls),
            fix="make it a frozen dataclass, a msgspec Struct or a pydantic model",
        )
    problem = None if issubclass(cls, msgspec.Struct) else misfit(cls)
    if problem is not None:
        raise WiringError(problem[0], where=place_of(cls), fix=problem[1])
    hints = hints_of_model(cls) if is_model(cls) else hints_of(cls)
    found = tuple(_field(name, hints[name], default) for name, default in _defaults(cls).items())
    _refuse_scaled(cls, found)
    return found


def hints_of(thing: Callable[..., Any] | type) -> dict[str, Any]:
    """Return resolved type hints with their marks; raise WiringError where a name cannot be resolved."""
    try:
        return get_type_hints(thing, include_extras=True)
    except NameError as missing:
        raise WiringError(
            f"the type hint {missing.name!r} of {getattr(thing, '__qualname__', thing)} cannot be resolved",
            where=place_of(thing),
            fix="define the type at module level, before the application starts",
        ) from missing


def place_of(thing: object) -> str:
    """Return `file:line` of a function or class, or its qualified name where its source is not at hand."""
    thing = getattr(thing, "__wrapped__", thing)
    code = getattr(thing, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    cls = thing if isinstance(thing, type) else type(thing)
    try:
        file, line = inspect.getsourcefile(cls), vars(cls).get("__firstlineno__") or inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):  # a built-in, or made without a file
        return f"{cls.__module__}.{cls.__qualname__}"
    return f"{file}:{line}"


def _defaults(cls: Any) -> Mapping[str, Any]:
    if is_model(cls):
        return defaults_of_model(cls, REQUIRED)
    if issubclass(cls, msgspec.Struct):
        return {each.name: REQUIRED if each.required else each.default for each in msgspec.structs.fields(cls)}
    return {
        each.name: each.default if each.default_factory is dataclasses.MISSING else each.default_factory
        for each in dataclasses.fields(cls)
    }


def _field(name: str, hint: Any, default: Any) -> Field:
    bare, marks = split_marks(hint)
    bare, optional = split_optional(bare)
    inner, more = split_marks(bare)
    return Field(name, hint, inner, marks + more, optional, default)


def _refuse_scaled(cls: type, fields: tuple[Field, ...]) -> None:
    """Refuse a Scale that nothing would hold a value to: that of a float, a whole number, a collection."""
    for field in fields:
        scale = field.mark(Scale)
        if scale is not None and field.type is not Decimal:
            raise WiringError(
                f"{cls.__qualname__}.{field.name} has a Scale, which is for a Decimal, and is {_shown(field.type)}",
                where=place_of(cls),
                fix=f"write Annotated[Decimal, Scale({scale.places})], in a collection for its items; numbers of other "
                "types are bounded by Bounds(ge=0)",
            )


def _shown(tp: Any) -> str:
    return tp.__qualname__ if isinstance(tp, type) and not get_args(tp) else str(tp)


def split_annotated(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split `Annotated[T, marks...]` into T and its marks."""
    if get_origin(hint) is Annotated:
        bare, *marks = get_args(hint)
        return bare, tuple(marks)
    return hint, ()


def split_marks(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split `Annotated[T, marks...]` into T and its marks; a NewType is to values what it is made of."""
    bare, marks = split_annotated(hint)
    while isinstance(bare, NewType):
        bare, more = split_annotated(bare.__supertype__)
        marks += more
    return bare, marks


def split_optional(hint: Any) -> tuple[Any, bool]:
    """Split `T | None` into T and True."""
    if get_origin(hint) in (Union, types.UnionType):
        rest = tuple(arg for arg in get_args(hint) if arg is not type(None))
        if len(rest) < len(get_args(hint)):
            return (rest[0] if len(rest) == 1 else Union[rest]), True  # noqa: UP007 (built at run time)
    return hint, False


def members_of(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type alone."""
    bare, _ = split_marks(hint)
    if get_origin(bare) in (Union, types.UnionType):
        return tuple(split_marks(arg)[0] for arg in get_args(bare) if arg is not type(None))
    return (bare,)
