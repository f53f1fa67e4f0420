"""State forms: how the states of one fold are written and read back, and what tells them from those of other code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from types import GenericAlias, MappingProxyType
from typing import Any, get_args, get_origin

import msgspec

from diptych.errors import WiringError
from diptych.model.fields import fields_of, place_of
from diptych.model.folds import Fold, parameters_of
from diptych.model.lineage import Lineage
from diptych.model.messages import event_type
from diptych.model.restorability import difference, unrestorable_part
from diptych.model.shadows import read, written
from diptych.model.snapshots import Snapshots
from diptych.syntax import code_of, type_text

_ATOMS = (str, bytes, int, float, bool, type(None))


def _written(value: Any) -> Any:
    return dict(value) if isinstance(value, MappingProxyType) else written(value)


def _read(tp: Any, value: Any) -> Any:
    if tp is not MappingProxyType and get_origin(tp) is not MappingProxyType:
        return read(tp, value)
    inner = GenericAlias(dict, get_args(tp)) if get_args(tp) else dict
    return MappingProxyType(msgspec.convert(value, inner, dec_hook=_read, str_keys=True))


# Mappings stay in their order: a decision may go through one.
_encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical", enc_hook=_written).encode


class StateForm:
    """Write the states of one fold as canonical JSON and read them back.

    Raises WiringError, at start, for a type of state that does not come back as it was.
    """

    def __init__(self, fold: Fold[Any], snapshots: Snapshots, lineage: Lineage) -> None:
        self.fold, self.every, self.version = fold, snapshots.every, snapshots.version
        state = parameters_of(fold.evolve)[0].type
        part = unrestorable_part(state)
        if part is not None:
            raise _unrestorable(fold, part)
        self._decode = msgspec.json.Decoder(state, dec_hook=_read).decode
        try:
            first = self.written(fold.initial())
        except ValueError as wrong:
            raise _unrestorable(fold, str(wrong)) from wrong
        text = "\n".join((*_described(fold, lineage), type_text(state), first.decode()))
        self.fingerprint = blake2b(text.encode(), digest_size=16).hexdigest()

    def written(self, state: Any) -> bytes:
        """Return a state as JSON; raise ValueError for one that does not come back from it as it was."""
        try:
            data = _encode(state)
            again = self._decode(data)
            # The bytes tell 1 from 1.0, what is shown tells zones and subclasses; sets differ in it, and are looked at.
            alike = again == state and _encode(again) == data and repr(again) == repr(state)
            changed = None if alike else difference(state, again)
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as wrong:
            raise ValueError(f"{type(state).__qualname__} cannot be written as JSON and read back: {wrong}") from wrong
        if changed is not None:
            raise ValueError(changed)
        return data

    def read(self, data: msgspec.Raw) -> Any:
        """Read a state back; raise msgspec.MsgspecError or ValueError for what is no state of the fold."""
        return self._decode(data)


def _described(fold: Fold[Any], lineage: Lineage) -> Iterator[str]:
    for cls in fold.events:
        stored, defaults = event_type(cls), [each.default for each in fields_of(cls)]
        known = [each if isinstance(each, _ATOMS) else type(each).__qualname__ for each in defaults]
        yield f"event {stored.name} {stored.version} {type_text(cls)} {known}"
    yield from (f"upcast {each.source} {code_of(each.function)}" for each in lineage.feeding(fold.events))
    yield f"meta {fold.wants_meta}"
    seen: set[int] = set()
    for part in fold.parts or (fold.evolve,):
        yield from _code_behind(part, seen)


def _code_behind(function: Any, seen: set[int]) -> Iterator[str]:
    """Yield the code of a function with what is wrapped, bound and closed over: decorators and makers of folds."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, partial):
        yield f"partial {function.args} {sorted(function.keywords.items())}"
        yield from _code_behind(function.func, seen)
        return
    yield code_of(function)
    yield repr([each for each in getattr(function, "__defaults__", None) or () if isinstance(each, _ATOMS)])
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        if isinstance(held, _ATOMS):
            yield repr(held)
        elif hasattr(held, "__code__") or isinstance(held, partial):
            yield from _code_behind(held, seen)
    if hasattr(function, "__wrapped__"):
        yield from _code_behind(function.__wrapped__, seen)


def _unrestorable(fold: Fold[Any], part: str) -> WiringError:
    return WiringError(
        f"the states of {fold.name} cannot be saved: {part}",
        where=place_of(fold.evolve),
        fix="make the state of values, tuples, mappings and frozen records, or leave out snapshots=",
    )
