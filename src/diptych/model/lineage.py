"""Lineage: which stored events become which of today, through all upcasters of an application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from diptych.errors import WiringError
from diptych.model.messages import event_type
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
