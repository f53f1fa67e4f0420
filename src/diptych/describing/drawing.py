"""A description as a drawing: SVG with four columns, light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from diptych.describing.description import Description, Edge, Kind
from diptych.describing.layout import Layout, Node, laid_out

_WIDTH, _BOX, _HIGH, _STEP = 1240, 220, 26, 34
_TOP, _SIDE, _BOTTOM = 92, 20, 24
_LONGEST = 29
_TITLES: dict[Kind, str] = {
    "command": "commands",
    "event": "events",
    "read_model": "read models",
    "query": "queries",
    "subscriber": "read models",
}
_STYLE = """
svg { --ink: #1d2327; --paper: #fdfcfa; --faint: #6b7280; --command: #b4531a; --event: #5b7d2a; --read_model: #6b4ea0;
  --query: #1a6fb4; --subscriber: #a03a6b; background: var(--paper); }
@media (prefers-color-scheme: dark) { svg { --ink: #e8e6e1; --paper: #16181b; --faint: #9aa2ad; --command: #f0975c;
  --event: #a8cf6b; --read_model: #b79df0; --query: #6bb5f2; --subscriber: #ee8fbb; } }
text { font: 12.5px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--ink); dominant-baseline: central; }
.title { font: 600 20px system-ui, sans-serif; }
.head { font: 600 12px system-ui, sans-serif; letter-spacing: .08em; text-transform: uppercase; fill: var(--faint); }
.note { font: 12px system-ui, sans-serif; fill: var(--faint); }
rect { fill: var(--paper); stroke-width: 1.3; rx: 5; }
path { fill: none; stroke-width: 1.2; opacity: .45; }
.unused rect { stroke-dasharray: 4 3; } .unused text { fill: var(--faint); }
"""


def as_svg(description: Description, *, title: str = "Diptych") -> str:
    """Return a description as an SVG document; parts that nobody uses have a broken outline.

    Hovering over a part leaves only the edges that meet it.
    """
    layout = laid_out(description)
    places = dict(_places(layout))
    idle = _idle(description)
    tall = _TOP + max((len(column) for column in layout.columns), default=0) * _STEP + _BOTTOM
    ids = {node: f"n{index}" for index, node in enumerate(places)}
    told = (
        f"{len(description.commands)} commands, {len(description.events)} events, "
        f"{len(description.read_models)} read models, {len(description.queries)} queries"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {tall}" width="{_WIDTH}" height="{tall}"',
            ' role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(told)}, from left to right.</desc>',
            f"<style>{_STYLE}{''.join(_hovers(ids))}</style>",
            f'<text class="title" x="{_SIDE}" y="28">{escape(title)}</text>',
            f'<text class="note" x="{_WIDTH - _SIDE}" y="28" text-anchor="end">{escape(told)}</text>',
            *_heads(layout),
            *(_edge(edge, places, ids) for edge in layout.edges),
            *(_node(node, places[node], ids[node], idle) for node in places),
            "</svg>",
        ]
    )


def _idle(description: Description) -> set[Node]:
    events: set[Node] = {("event", name) for name in description.unused_events}
    return events | {("read_model", name) for name in description.unread_models}


def _places(layout: Layout) -> Iterator[tuple[Node, tuple[float, float]]]:
    """Yield where the left upper corner of each part is; short columns are spread over the height of the longest."""
    tallest = max((len(column) for column in layout.columns), default=0)
    for index, column in enumerate(layout.columns):
        step = _STEP * max(1.0, min(2.5, tallest / len(column)))
        start = _TOP + (tallest * _STEP - step * len(column)) / 2 + (step - _STEP) / 2
        for row, node in enumerate(column):
            yield node, (_left(index, len(layout.columns)), start + row * step)


def _left(index: int, columns: int) -> float:
    gap = (_WIDTH - 2 * _SIDE - _BOX * columns) / max(1, columns - 1)
    return _SIDE + index * (_BOX + gap)


def _heads(layout: Layout) -> Iterator[str]:
    for index, column in enumerate(layout.columns):
        kinds = dict.fromkeys(_TITLES[node[0]] for node in column)
        if any(node[0] == "subscriber" for node in column):
            kinds["subscribers"] = None
        text = ", ".join(kinds)
        yield f'<text class="head" x="{_left(index, len(layout.columns)):.0f}" y="66">{text}</text>'


def _edge(edge: Edge, places: dict[Node, tuple[float, float]], ids: dict[Node, str]) -> str:
    (left, top), (right, bottom) = places[edge.source], places[edge.target]
    start, end = top + _HIGH / 2, bottom + _HIGH / 2
    if left == right:  # rows made of rows: an arc beside the column
        x, bend = left, left - min(70, 18 + abs(end - start) / 6)
        path = f"M{x:.0f},{start:.1f} C{bend:.0f},{start:.1f} {bend:.0f},{end:.1f} {x:.0f},{end:.1f}"
    else:
        x, bend = left + _BOX, (right - left - _BOX) / 2
        path = f"M{x:.0f},{start:.1f} C{x + bend:.0f},{start:.1f} {right - bend:.0f},{end:.1f} {right:.0f},{end:.1f}"
    return f'<path class="{ids[edge.source]} {ids[edge.target]}" style="stroke: var(--{edge.source[0]})" d="{path}"/>'


def _node(node: Node, place: tuple[float, float], name: str, idle: set[Node]) -> str:
    kind, text = node
    x, y = place
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    unused = ' class="unused"' if node in idle else ""
    return (
        f'<g id="{name}"{unused}><title>{escape(text)}</title>'
        f'<rect x="{x:.0f}" y="{y:.1f}" width="{_BOX}" height="{_HIGH}" style="stroke: var(--{kind})"/>'
        f'<text x="{x + 10:.0f}" y="{y + _HIGH / 2 + 0.5:.1f}">{escape(shown)}</text></g>'
    )


def _hovers(ids: dict[Node, str]) -> Iterator[str]:
    for name in ids.values():
        yield f"svg:has(#{name}:hover) path:not(.{name}) {{ opacity: .04; }}\n"
