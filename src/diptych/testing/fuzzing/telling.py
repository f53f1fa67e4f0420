"""Telling: the shortest course that breaks a law, as a test that can be pasted."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from diptych.model.folds import takes
from diptych.model.meta import Context
from diptych.testing.clock import NOON
from diptych.testing.fuzzing.course import Course, Logged
from diptych.testing.past import Recorded
from diptych.testing.pasting import Call, Code, Pasting, call, chain
from diptych.write.deciding import Deciding


def told(law: str, course: Course, decidings: Mapping[type, Deciding]) -> str:
    """Return a law that was broken and the course that broke it, as given, when, then."""
    if not course.steps:
        return f"{law}\n\nalready of the state before the first event"
    pasting = Pasting()
    command, context = course.steps[-1]
    recorded = [each for each in course.log if each.meta.command_id == context.command_id]
    past = [each for each in course.log if each.meta.command_id != context.command_id]
    given = call("spec.given(", (_given(each, course, pasting) for each in past), ")")
    links = [given, _when(command, context, decidings[type(command)], pasting)]
    if recorded:
        links.append(call("then(", (pasting.of(each.event) for each in recorded), ")"))
    states = "\n".join(
        f"# {live.clause.tags[0] if live.clause.tags else ''} {live.state!r}" for live in course.entities
    )
    return f"{law}\n\n{_test(law, links, pasting)}\n\n# The states are then:\n{states}"


def _test(law: str, links: list[Call], pasting: Pasting) -> str:
    body = textwrap.indent("\n".join(chain(links)), "    ")
    name = "".join(letter if letter.isalnum() else "_" for letter in law.split(":", maxsplit=1)[0].lower()).strip("_")
    return "\n".join((*pasting.imports(), "", "", f"def test_{name}() -> None:", body))


def _given(each: Logged, course: Course, pasting: Pasting) -> Code:
    event = pasting.of(each.event)
    said: list[tuple[str, Any]] = []
    if any(live.fold.wants_meta for live in course.entities):
        said = [(name, value) for name, value, usual in _beside(each) if value != usual]
    if not said:
        return event
    opening = f"{pasting.named(Recorded, 'diptych.testing')}("
    return Call(opening, (("", event), *((f"{name}=", pasting.of(value)) for name, value in said)), ")")


def _beside(each: Logged) -> tuple[tuple[str, Any, Any], ...]:
    return (("at", each.meta.recorded_at, NOON), ("actor", each.meta.actor, None))


def _when(command: Any, context: Context, deciding: Deciding, pasting: Pasting) -> Call:
    parts: list[tuple[str, Code]] = [("", pasting.of(command))]
    if takes(deciding.decision.function, Context):
        said = (("now", context.now, NOON), ("principal", context.principal, None))
        parts += [(f"{name}=", pasting.of(value)) for name, value, usual in said if value != usual]
    return Call("when(", tuple(parts), ")")
