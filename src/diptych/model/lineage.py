"""Lineage: which stored events become which of today, through all upcasters of an application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.messages import event_type
from diptych.model.tags import tag_keys
from diptych.model.upcasting import Upcaster

Pair = tuple[str, int]
"""A stored name and version."""


class Lineage:
    """Hold the upcasters of an application.

    Raises WiringError where two of them take the same stored events, and where they lead in a circle.
    """

    def __init__(self, upcasters: Iterable[Upcaster] = ()) -> None:
        self._all = tuple(upcasters)
        self.of_pair: Mapping[Pair, Upcaster] = _by_pair(self._all)
        self.of_class: Mapping[type, Upcaster] = {each.old: each for each in self._all if each.old is not None}
        self._ends = {each: frozenset(self._reached(each, ())) for each in self._all}
        self._names: dict[str, set[str]] = {}
        for upcaster, classes in self._ends.items():
            for cls in classes:
                self._names.setdefault(event_type(cls).name, set()).add(upcaster.source.name)

    def refuse_outdated(self, cls: type, function: Callable[..., Any]) -> None:
        """Raise WiringError for a function that names a class which an upcaster replaces, or for the class itself."""
        upcaster = self.of_class.get(cls)
        if upcaster is not None:
            newer = ", ".join(each.__qualname__ for each in upcaster.targets) or "nothing: it is dropped"
            by = f"{function.__qualname__} names " if function is not cls else ""
            raise WiringError(
                f"{by}{cls.__qualname__}, an outdated form that {upcaster} upcasts: events are folded, handled and "
                "written in their current form only",
                where=place_of(function),
                fix=f"use what becomes of it: {newer}",
            )

    def refuse_outdated_names(self, names: Iterable[str], function: Callable[..., Any]) -> None:
        """Raise WiringError for a function that waits for names which no event of today has, for all are upcast."""
        for name in sorted(self.names.intersection(names)):
            upcasters = " and ".join(str(each) for each in self._all if each.source.name == name)
            raise WiringError(
                f"{function.__qualname__} waits for events stored as {name!r}, which are upcast by {upcasters}",
                where=place_of(function),
                fix="name what becomes of them, by their classes or their current stored names",
            )

    @property
    def ends(self) -> tuple[type, ...]:
        """Return the classes at which chains end: current ones."""
        found = {cls: None for each in self._all for cls in each.targets if cls not in self.of_class}
        return tuple(found)

    @property
    def names(self) -> frozenset[str]:
        """Return the stored names of outdated events."""
        return frozenset(each.source.name for each in self._all)

    def grown(self, upcaster: Upcaster, old: object) -> Iterator[object]:
        """Yield what an outdated event is today, through the whole chain, in order."""
        for event in upcaster(old):
            further = self.of_class.get(type(event))
            if further is None:
                yield event
            else:
                yield from self.grown(further, event)

    def feeding(self, classes: Iterable[type]) -> tuple[Upcaster, ...]:
        """Return the upcasters whose events can become events of these classes, in the order of names and versions."""
        wanted = frozenset(classes)
        found = [each for each, ends in self._ends.items() if not ends.isdisjoint(wanted)]
        return tuple(sorted(found, key=lambda each: (each.source.name, each.source.version)))

    def stored_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the stored names whose events are, or can become, events of these current names; sorted."""
        return tuple(sorted({each for name in names for each in (name, *self._names.get(name, ()))}))

    def carries(self, cls: type, name: str, key: str) -> bool:
        """Say whether all events stored under a name that are, or become, of this class are known to carry a tag."""
        if event_type(cls).name == name and key not in tag_keys(cls):
            return False
        sources = (each for each in self._all if each.source.name == name and cls in self._ends[each])
        return all(self._keeps(each, cls, key) for each in sources)

    def lacking(self, cls: type, key: str) -> tuple[Upcaster, ...]:
        """Return the upcasters to a class whose old class has not the tag: by that tag, nobody finds such events."""
        found = (each for each in self.feeding((cls,)) if each.old is not None)
        return tuple(each for each in found if each.old is not None and key not in tag_keys(each.old))

    def _keeps(self, upcaster: Upcaster, cls: type, key: str) -> bool:
        """Say whether a tag is kept on the way: an upcaster of a class may not change it, one of JSON might."""
        if upcaster.old is None or key not in tag_keys(upcaster.old):
            return False
        further = (self.of_class[each] for each in upcaster.targets if each in self.of_class)
        return all(self._keeps(each, cls, key) for each in further if cls in self._ends[each])

    def _reached(self, upcaster: Upcaster, behind: tuple[Upcaster, ...]) -> Iterator[type]:
        if upcaster in behind:
            circle = " -> ".join(each.function.__qualname__ for each in (*behind[behind.index(upcaster) :], upcaster))
            raise WiringError(
                f"upcasters lead in a circle: {circle}",
                where=upcaster.place,
                fix="let each lead to a newer class: the last one to the class that folds name",
            )
        for cls in upcaster.targets:
            further = self.of_class.get(cls)
            if further is None:
                yield cls
            else:
                yield from self._reached(further, (*behind, upcaster))


def _by_pair(upcasters: Iterable[Upcaster]) -> dict[Pair, Upcaster]:
    found: dict[Pair, Upcaster] = {}
    for upcaster in upcasters:
        for pair in upcaster.pairs:
            other = found.setdefault(pair, upcaster)
            if other is not upcaster:
                raise WiringError(
                    f"two upcasters take {pair[0]}@{pair[1]}: {other} and {upcaster}",
                    where=upcaster.place,
                    fix="remove one of them",
                )
    return found


UNCHANGED = Lineage()
"""The lineage of an application without upcasters."""
