"""Find what does not come back from JSON as it was in a state type: a saved state must be the state."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import GenericAlias, MappingProxyType, NoneType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from msgspec import inspect

from diptych.model.fields import fields_of, hints_of, is_record, members_of, split_marks

_UNKNOWN = (Any, object)
_ABSTRACT = dict.fromkeys((abc.Sequence, abc.Collection, abc.Iterable, list), "list") | {abc.Set: "set", set: "set"}
_NO_TYPES = (inspect.CustomType, NoneType)
_NO_KEYS = (
    inspect.CollectionType,
    inspect.TupleType,
    inspect.DictType,
    inspect.StructType,
    inspect.DataclassType,
    inspect.NamedTupleType,
    inspect.UnionType,
)


def unrestorable_part(tp: Any) -> str | None:
    """Return the path of the first part of a type that JSON does not bring back, with the reason; None when all does.

    >>> unrestorable_part(tuple[complex, ...])
    'state[]: complex, which JSON has no form for'
    """
    return _part(tp, "state", frozenset())


def difference(state: Any, restored: Any, path: str = "state") -> str | None:
    """Return the path of the first part of a state that came back otherwise, in type, value or order; None if none did.

    >>> difference((1, 2.0), (1, 2))
    'state[1]: 2.0 comes back as 2'
    """
    if isinstance(state, Mapping) and isinstance(restored, Mapping):  # a Mapping comes back as a dict
        return _first(_of_items(state, restored, path)) if len(state) == len(restored) else _told(state, restored, path)
    if type(state) is not type(restored):
        return _told(state, restored, path)
    if isinstance(state, tuple):
        pairs = enumerate(zip(state, restored, strict=False))
        found = (difference(one, other, f"{path}[{index}]") for index, (one, other) in pairs)
        return _first(found) if len(state) == len(restored) else _told(state, restored, path)
    if is_record(type(state)):
        names = [field.name for field in fields_of(type(state))]
        return _first(difference(getattr(state, name), getattr(restored, name), f"{path}.{name}") for name in names)
    exact = isinstance(state, AbstractSet) or repr(state) == repr(restored)  # places of decimals, zones of datetimes
    return None if state == restored and exact else _told(state, restored, path)


def _of_items(state: Mapping[Any, Any], restored: Mapping[Any, Any], path: str) -> Iterator[str | None]:
    for (key, value), (other_key, other) in zip(state.items(), restored.items(), strict=False):
        yield difference(key, other_key, f"{path}[{key!r}]") or difference(value, other, f"{path}[{key!r}]")


def _told(state: Any, restored: Any, path: str) -> str:
    return f"{path}: {state!r:.60} comes back as {restored!r:.60}"


def _part(tp: Any, path: str, within: frozenset[type]) -> str | None:
    members = members_of(tp)
    found = _first(_judge(each, path, within) for each in members)
    return found or (_ambiguous(members, path) if len(members) > 1 else None)


def _judge(tp: Any, path: str, within: frozenset[type]) -> str | None:
    bare = _bare(tp)
    if bare in _UNKNOWN or isinstance(bare, TypeVar):
        return f"{path}: {_name(bare)}, of which nobody knows what to read"
    origin = get_origin(bare) or bare
    if origin is Literal or origin in within:
        return None
    inner = within | {origin}
    if is_record(origin):
        return _first(_part(each.hint, f"{path}.{each.name}", inner) for each in fields_of(origin))
    if hasattr(origin, "_fields"):  # a named tuple
        return _first(_part(hint, f"{path}.{name}", inner) for name, hint in hints_of(origin).items())
    if origin in _ABSTRACT:
        return f"{path}: {_name(bare)}, which comes back as a {_ABSTRACT[origin]}"
    arguments = [each for each in get_args(bare) if each is not Ellipsis]
    return _first(_part(each, f"{path}[]", within) for each in arguments) or _strange(bare, origin, path)


def _bare(tp: Any) -> Any:
    while hasattr(tp, "__supertype__"):  # a NewType
        tp = tp.__supertype__
    return split_marks(tp)[0]


def _strange(tp: Any, origin: Any, path: str) -> str | None:
    if origin is MappingProxyType:  # written as the dictionary behind it
        tp = GenericAlias(dict, get_args(tp)) if get_args(tp) else dict
    try:
        told = inspect.type_info(tp)
    except TypeError:
        told = None
    if isinstance(told, inspect.DictType) and isinstance(told.key_type, _NO_KEYS):
        return f"{path}: {_name(tp)}, whose keys JSON has no form for"
    return f"{path}: {_name(tp)}, which JSON has no form for" if isinstance(told, _NO_TYPES) else None


def _ambiguous(members: Iterable[Any], path: str) -> str | None:
    """Say so when JSON does not tell which member of a union a value is."""
    try:
        inspect.type_info(Union[tuple(members)])  # noqa: UP007 (built at run time)
    except TypeError:
        names = " | ".join(map(_name, members))
        return f"{path}: {names}, which JSON does not tell apart; Structs with tag=True are told apart"
    return None


def _name(tp: Any) -> str:
    return str(tp) if get_args(tp) else getattr(tp, "__qualname__", str(tp))


def _first(found: Iterable[str | None]) -> str | None:
    return next((each for each in found if each is not None), None)
