"""Models of pydantic, known by what they carry: pydantic itself is never imported here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

_SAID = {"missing": "is required", "extra_forbidden": "is not known"}
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_OWN_ERRORS = ("value_error", "assertion_error")
_READING = frozenset({"BeforeValidator", "WrapValidator", "PlainValidator"})
_WRITING = frozenset({"PlainSerializer", "WrapSerializer"})


def is_model(tp: object) -> bool:
    """Say whether the type is a pydantic model."""
    return isinstance(tp, type) and hasattr(tp, "__pydantic_fields__") and not dataclasses.is_dataclass(tp)


def is_frozen(model: Any) -> bool:
    """Say whether instances of a model refuse to be changed."""
    return bool(model.model_config.get("frozen"))


def hints_of_model(model: Any) -> dict[str, Any]:
    """Return the hints of a model's fields with their marks, as pydantic resolved them."""
    return {name: _hint(info) for name, info in model.__pydantic_fields__.items()}


def defaults_of_model(model: Any, required: Any) -> dict[str, Any]:
    """Return the default of each field, or its factory; `required` stands for none."""
    return {name: _default(info, required) for name, info in model.__pydantic_fields__.items()}


def misfit(tp: Any) -> tuple[str, str] | None:
    """Return what keeps a class of pydantic's from being read field by field, and what to do; None where nothing does.

    Completes a model whose forward references can be resolved only now.
    """
    name = tp.__qualname__
    if dataclasses.is_dataclass(tp):
        return _dataclass_misfit(tp)
    if not tp.__pydantic_complete__ and tp.model_rebuild(raise_errors=False) is not True:
        return f"a type hint of {name} cannot be resolved", "define its types at module level, before the start"
    if getattr(tp, "__pydantic_root_model__", False):
        return f"{name} is a RootModel and has no fields", "write its type itself, Annotated[...] with what it checks"
    if tp.model_config.get("extra") == "allow":
        return f"{name} allows fields that it does not name; nobody would store them", 'write extra="forbid"'
    if tp.__pydantic_decorators__.model_serializers:
        return f"{name} writes itself by a model_serializer", "write a field_serializer for what is to look otherwise"
    return next(
        (found for each, info in tp.__pydantic_fields__.items() if (found := _field_misfit(name, each, info))), None
    )


def _dataclass_misfit(tp: Any) -> tuple[str, str] | None:
    if not hasattr(tp, "__pydantic_validator__"):
        return None
    what = f"{tp.__qualname__} is a dataclass of pydantic, whose own checks nobody would ask"
    return what, f"write class {tp.__qualname__}(pydantic.BaseModel), or the standard library's @dataclass"


def _field_misfit(model: str, name: str, info: Any) -> tuple[str, str] | None:
    if _is_secret(info.annotation):
        return f"{model}.{name} is a secret, which would be written as stars", "take a str, and keep it out of events"
    if info.exclude or getattr(info, "exclude_if", None):
        return (
            f"{model}.{name} is excluded from JSON, and would be lost",
            "leave the field out of what is stored or shown",
        )
    return None


def reading_fields(model: Any) -> frozenset[str]:
    """Return the fields that a validator of the user's own reads before their type does, or writes its own way."""
    return frozenset(_marked(model, _READING | _WRITING, ("before", "wrap", "plain"))) | writing_fields(model)


def writing_fields(model: Any) -> frozenset[str]:
    """Return the fields that a serializer of the user's own writes."""
    named = (each.info.fields for each in model.__pydantic_decorators__.field_serializers.values())
    return frozenset(name for names in named for name in names) | frozenset(_marked(model, _WRITING, ()))


def computations_of_model(model: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the functions of a model's computed fields, by name."""
    return {name: _getter(info.wrapped_property) for name, info in model.__pydantic_computed_fields__.items()}


def maker_of(cls: Any) -> Callable[..., Any]:
    """Return what makes a record of its fields' names and values: the class itself, or for a model its validator.

    A model's aliases are no part of it. Raises ValueError for values that it refuses.
    """
    if not is_model(cls):
        made: Callable[..., Any] = cls
        return made
    judge = judge_of(cls)
    return lambda **values: judge(values)


def judge_of(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes a model of a mapping of its fields' names to values, after its validators have judged them."""
    validate: Callable[..., Any] = model.__pydantic_validator__.validate_python
    if _has_alias(model, set()):
        return lambda values: validate(values, by_alias=False, by_name=True)
    return validate


def _has_alias(tp: Any, known: set[Any]) -> bool:
    """Say whether a field of a model, or of one that it holds, has an alias: pydantic may be left to read that too."""
    if not isinstance(tp, type) or tp in known:
        return any(_has_alias(each, known) for each in getattr(tp, "__args__", ()))
    known.add(tp)
    if not is_model(tp):
        return False
    fields = tp.__pydantic_fields__.values()  # type: ignore[attr-defined]  # pydantic's
    return any(info.validation_alias or _has_alias(info.annotation, known) for info in fields)


def problems_of(wrong: BaseException) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each error of a model's validation: where it is, and what is wrong in the words of the other messages."""
    for found in wrong.errors(include_url=False, include_input=False):  # type: ignore[attr-defined]  # pydantic's
        yield found["loc"], _said(found)


def is_refusal(wrong: BaseException) -> bool:
    """Say whether an error is a model's list of what is wrong with its values."""
    return isinstance(wrong, ValueError) and hasattr(wrong, "error_count")


def _hint(info: Any) -> Any:
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation


def _default(info: Any, required: Any) -> Any:
    if info.is_required():
        return required
    return info.default if info.default_factory is None else info.default_factory


def _marked(model: Any, kinds: frozenset[str], modes: tuple[str, ...]) -> Iterator[str]:
    for each in model.__pydantic_decorators__.field_validators.values():
        if each.info.mode in modes:
            yield from (model.__pydantic_fields__ if "*" in each.info.fields else each.info.fields)
    for name, info in model.__pydantic_fields__.items():
        if any(type(mark).__name__ in kinds for mark in info.metadata):
            yield name


def _is_secret(hint: Any) -> bool:
    return hasattr(hint, "get_secret_value") or any(map(_is_secret, getattr(hint, "__args__", ())))


def _getter(found: Any) -> Callable[[Any], Any]:
    getter: Callable[[Any], Any] = found.func if isinstance(found, cached_property) else found.fget
    return getter


def _said(found: Mapping[str, Any]) -> str:
    kind, context, text = found["type"], found.get("ctx", {}), str(found["msg"])
    if kind in _SAID:
        return _SAID[kind]
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"expected {words} {context[name]}"
    if kind in _OWN_ERRORS and str(context.get("error", "")):
        return str(context["error"])
    return text[:1].lower() + text[1:]
