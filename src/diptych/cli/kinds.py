"""What `diptych doctor` finds about the kinds of events that are stored: who reads each name and version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from diptych.application import Application
from diptych.model.fields import place_of
from diptych.model.upcasting import Upcaster
from diptych.ports import Finding


def events(app: Application, described: Mapping[str, object]) -> Iterator[Finding]:
    """Examine whether each stored name and version can be read, and found by decisions, where the store lists them."""
    kinds = described.get("types")
    if not isinstance(kinds, list | tuple):
        return
    heard = frozenset(name for each in app.subscribers.values() for name in each.names)
    found = [each for name, number, count in kinds for each in _kind(app, name, number, count, heard)]
    yield from found
    if not any(each.level == "error" for each in found):
        yield Finding("events", "ok", f"every stored kind can be read ({len(kinds)})")


def _kind(app: Application, name: str, number: int, count: int, heard: AbstractSet[str]) -> Iterator[Finding]:
    """Examine one stored name and version; there is nothing to say where a current class reads it."""
    codec, about, many = app.codec, f"events {name}@{number}", f"{count} event{'' if count == 1 else 's'}"
    upcaster = codec.upcaster(name, number)
    if upcaster is not None:
        yield Finding(about, "ok", f"{many}, upcast by {upcaster}")
        yield from _unfound(app, about, many, upcaster)
    elif name in heard and name not in app.events and name not in codec.lineage.names:
        yield Finding(about, "ok", f"{many}, handled as JSON")
    elif not codec.reads(name, number):
        fix = f'keep their class, or @module.upcasts("{name}", version={number}) to what they are today; '
        yield Finding(about, "error", f"{many} that no class and no upcaster reads", f"{fix}-> tuple[()] drops them")


def _unfound(app: Application, about: str, many: str, upcaster: Upcaster) -> Iterator[Finding]:
    """Name the decisions that look for such events by a tag with which they were not stored."""
    for module in app.modules:
        for decision in module.decisions.values():
            for _, selection in decision.selections:
                for key in selection.model.tags:
                    if any(upcaster in app.codec.lineage.lacking(cls, key) for cls in selection.model.fold.events):
                        function = decision.function
                        text = f"{many} without the tag {key!r}, by which {function.__qualname__} would look for them"
                        fix = f"decide by a tag that they have ({place_of(function)}); tags stay those that were stored"
                        yield Finding(about, "warning", text, fix)
