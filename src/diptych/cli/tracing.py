"""`diptych commands trace`: a trace, told to a person as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from diptych.cli.printing import out, safe
from diptych.codec import encode
from diptych.history.blame import FieldChange
from diptych.history.keys import text_of_key
from diptych.history.traced import ChangedRow, ChangedRows, Trace, TracedEvent

_MOST = 6
"""So many fields of a row are shown."""
_LONG, _HALF = 80, 38
"""A value of so many characters is shown whole; a longer one by so many of its beginning and of its end."""


def show_trace(trace: Trace) -> None:
    """Print a trace; times after the first are told as what passed since."""
    tree = Tree(_command(trace, None))
    _grow(tree, trace, trace.command.at)
    out().print(tree)
    if not trace.whole:
        out().print("there may be more: not all that came after was looked at")


def _grow(tree: Tree, trace: Trace, began: datetime) -> None:
    for event in trace.events:
        _grow_event(tree.add(_event(event, began)), event, began)
    for caused in trace.caused:
        _grow(tree.add(_command(caused, began)), caused, began)


def _grow_event(tree: Tree, event: TracedEvent, began: datetime) -> None:
    for changed in event.changes:
        for line in _rows(changed):
            tree.add(_text(line))
    for heard in event.subscribers:
        tree.add(_text(f"subscriber {heard.subscriber}: {heard.standing}", "cyan"))
    for caused in event.caused:
        _grow(tree.add(_command(caused, began)), caused, began)


def _command(trace: Trace, began: datetime | None) -> Text:
    sent = trace.command
    when = f"{sent.at:%Y-%m-%d %H:%M:%S.%f}Z" if began is None else _since(began, sent.at)
    by = f" by {sent.principal}" if sent.principal else ""
    why = f": {sent.reason}" if sent.reason else ""
    style = "bold green" if sent.position is not None else "bold red"
    return _text(f"{sent.name} {sent.outcome}{why}{by}  {when}  {sent.command_id}", style)


def _event(event: TracedEvent, began: datetime) -> Text:
    return _text(f"{event.position} {event.name}@{event.version}  {_since(began, event.recorded_at)}", "bold")


def _rows(changed: ChangedRows) -> Iterator[str]:
    if not changed.folded:
        yield f"{changed.model}: not folded yet"
        return
    yield from (f"{sign(row)} {changed.model} {text_of_key(row.key)}  {_fields(row)}" for row in changed.rows)
    if not changed.whole:
        yield f"{changed.model}: there may be more rows"


def sign(row: ChangedRow) -> str:
    """Return what stands before a row: `+` where it came, `-` where it went, `~` where it changed."""
    return "-" if row.deleted else "+" if row.added else "~"


def _fields(row: ChangedRow) -> str:
    if row.fields is None:
        return "(too many events to know its fields)"
    shown = ", ".join(_change(each, row) for each in row.fields[:_MOST])
    return shown if len(row.fields) <= _MOST else f"{shown}, and {len(row.fields) - _MOST} more"


def _change(field: FieldChange, row: ChangedRow) -> str:
    before, after = _value(field.before), _value(field.after)
    return f"{field.field} {after if sign(row) == '+' else before if row.deleted else f'{before} -> {after}'}"


def _value(value: object) -> str:
    """Return a value as text; of a long one the beginning, and the end, where lists grow."""
    text = value if isinstance(value, str) else encode(value).decode().strip('"')
    return text if len(text) <= _LONG else f"{text[:_HALF]}...{text[-_HALF:]}"


def _since(began: datetime, then: datetime) -> str:
    micros = (then - began).total_seconds() * 1_000_000
    sign = "-" if micros < 0 else "+"
    return f"{sign}{abs(micros) / 1000:.3f} ms"


def _text(line: str, style: str = "") -> Text:
    return Text(safe(line), style)
