"""Events to canonical JSON and back, by stored name and version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from diptych.codec.messages import decoder
from diptych.errors import UnreadableEventError, WiringError
from diptych.model.fields import place_of
from diptych.model.messages import EventType, event_type


class EventCodec:
    """Write events and read them back by stored name and version.

    Raises WiringError when two classes claim one stored name.
    """

    def __init__(self, classes: Iterable[type]) -> None:
        self._readers: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        self._types: dict[type, EventType] = {}
        owners: dict[str, type] = {}
        for cls in dict.fromkeys(classes):
            stored = event_type(cls)
            if owners.setdefault(stored.name, cls) is not cls:
                raise WiringError(
                    f"two events are stored as {stored.name!r}: {owners[stored.name].__qualname__} "
                    f"({place_of(owners[stored.name])}) and {cls.__qualname__}",
                    where=place_of(cls),
                    fix="give one of them another stored name",
                )
            self._readers[stored.name, stored.version] = decoder(cls)
            self._types[cls] = stored

    @property
    def types(self) -> dict[type, EventType]:
        """Return the event classes with their stored names and versions."""
        return dict(self._types)

    def reads(self, name: str, version: int) -> bool:
        """Say whether an event stored under this name and version can be read."""
        return (name, version) in self._readers

    def read(self, name: str, version: int, data: bytes) -> Any:
        """Read a stored event; raise UnreadableEventError for an unknown (name, version) or bytes that do not fit."""
        try:
            return self._readers[name, version](data)
        except KeyError:
            raise UnreadableEventError(
                f"no class reads {name!r} version {version}; known: {self._known(name)}. "
                f"Register the class of this version, or an upcaster to the current one"
            ) from None
        except (msgspec.MsgspecError, ValueError) as wrong:
            raise UnreadableEventError(f"{name!r} version {version} does not fit its class: {wrong}") from wrong

    def _known(self, name: str) -> str:
        versions = [str(version) for known, version in self._readers if known == name]
        return f"versions {', '.join(versions)} of it" if versions else "no version of it"
