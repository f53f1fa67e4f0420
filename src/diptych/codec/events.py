"""Events to canonical JSON and back, by stored name and version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from diptych.codec.messages import decoder
from diptych.errors import UnreadableEventError, WiringError
from diptych.model.fields import place_of
from diptych.model.lineage import Lineage
from diptych.model.messages import EventType, event_type
from diptych.model.upcasting import Upcaster

_object: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode


class EventCodec:
    """Write events and read them back by stored name and version, in the form that they have today.

    `classes` are current ones; those at which upcasters end are known without being named. Raises WiringError when two
    classes claim one stored name, or a class and an upcaster one version of it.
    """

    def __init__(self, classes: Iterable[type], upcasters: Iterable[Upcaster] = ()) -> None:
        self.lineage = Lineage(upcasters)
        self._readers: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        self._types: dict[type, EventType] = {}
        owners: dict[str, type] = {}
        for cls in dict.fromkeys((*classes, *self.lineage.ends)):
            stored = event_type(cls)
            if owners.setdefault(stored.name, cls) is not cls:
                raise _claimed_twice(stored.name, owners[stored.name], cls)
            self._read_as(cls, stored)
        self._old: dict[tuple[str, int], tuple[Callable[[bytes], Any], Upcaster]] = {
            pair: (_object if each.old is None else decoder(each.old), each)
            for pair, each in self.lineage.of_pair.items()
        }

    @property
    def types(self) -> dict[type, EventType]:
        """Return the current event classes with their stored names and versions."""
        return dict(self._types)

    def reads(self, name: str, version: int) -> bool:
        """Say whether an event stored under this name and version can be read."""
        return (name, version) in self._readers or (name, version) in self._old

    def upcaster(self, name: str, version: int) -> Upcaster | None:
        """Return what upcasts events stored under this name and version, or None."""
        return self.lineage.of_pair.get((name, version))

    def stored_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the stored names whose events are, or can become, events of these current names; sorted."""
        return self.lineage.stored_names(names)

    def read(self, name: str, version: int, data: bytes) -> tuple[Any, ...]:
        """Read a stored event as the events that it is today: one; none or several where an upcaster says so.

        Raises UnreadableEventError for an unknown (name, version), bytes that do not fit, and an upcaster that raises.
        """
        decode = self._readers.get((name, version))
        try:
            return (decode(data),) if decode is not None else self._upcast(name, version, data)
        except (msgspec.MsgspecError, ValueError) as wrong:
            raise UnreadableEventError(f"{name!r} version {version} does not fit its class: {wrong}") from wrong

    def reader(self, name: str, version: int) -> Callable[[bytes], Any]:
        """Return what reads data stored under this name and version, for those who read much of it.

        Of what is current it makes one event, and raises what the decoder raises: `read` then tells it better. For all
        else it is `read`, which returns a tuple.
        """
        return self._readers.get((name, version)) or partial(self.read, name, version)

    def current(self, event: Any) -> tuple[Any, ...]:
        """Return what an event object is today: itself, or what the upcaster of its class makes of it."""
        upcaster = self.lineage.of_class.get(type(event))
        return (event,) if upcaster is None else tuple(self.lineage.grown(upcaster, event))

    def _upcast(self, name: str, version: int, data: bytes) -> tuple[Any, ...]:
        found = self._old.get((name, version))
        if found is None:
            raise UnreadableEventError(
                f"no class reads {name!r} version {version}; known: {self._known(name)}. "
                f"Register the class of this version, or an upcaster to the current one"
            )
        decode, upcaster = found
        return tuple(self.lineage.grown(upcaster, decode(data)))

    def _read_as(self, cls: type, stored: EventType) -> None:
        self._types[cls] = stored
        for version in stored.versions:
            upcaster = self.lineage.of_pair.get((stored.name, version))
            if upcaster is not None:
                raise WiringError(
                    f"{stored.name}@{version} is read as {cls.__qualname__} ({place_of(cls)}), and {upcaster} upcasts "
                    f"it: one of them would never run",
                    where=upcaster.place,
                    fix=f'raise the version of the current class, @event("{stored.name}", '
                    f"version={stored.version + 1}), or name the newer class in its place",
                )
            self._readers[stored.name, version] = decoder(cls)

    def _known(self, name: str) -> str:
        versions = [str(version) for known, version in (*self._readers, *self._old) if known == name]
        return f"versions {', '.join(versions)} of it" if versions else "no version of it"


def _claimed_twice(name: str, one: type, other: type) -> WiringError:
    first, last = sorted((one, other), key=lambda cls: event_type(cls).version)
    same = event_type(first).version == event_type(last).version
    return WiringError(
        f"two events are stored as {name!r}: {one.__qualname__} ({place_of(one)}) and {other.__qualname__}",
        where=place_of(other),
        fix="give one of them another stored name"
        if same
        else f"name {last.__qualname__} alone, and write @module.upcasts above a function that makes it of the other",
    )
