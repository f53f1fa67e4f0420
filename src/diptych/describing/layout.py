"""Layout: parts in columns, ordered so that few edges cross.

Layered drawing by barycentres (Sugiyama, Tagawa and Toda, 1981): each part goes to the mean height of those that it is
joined to, column by column, forth and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diptych.describing.description import Description, Edge, Kind
from diptych.describing.texts import nodes_of

Node = tuple[Kind, str]
COLUMNS: Mapping[Kind, int] = {"command": 0, "event": 1, "read_model": 2, "subscriber": 2, "query": 3}
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """Hold the columns, each with its parts from top to bottom, and the edges between them."""

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[Edge, ...]


def laid_out(description: Description) -> Layout:
    """Lay a description out; empty columns are left out."""
    columns: list[list[Node]] = [[], [], [], []]
    for node in nodes_of(description):
        columns[COLUMNS[node[0]]].append(node)
    joined: dict[Node, list[Node]] = {}
    for edge in description.edges:
        joined.setdefault(edge.source, []).append(edge.target)
        joined.setdefault(edge.target, []).append(edge.source)
    for sweep in range(_SWEEPS):
        order = range(1, 4) if sweep % 2 == 0 else range(2, -1, -1)
        for index in order:
            beside = columns[index - 1 if sweep % 2 == 0 else index + 1]
            columns[index] = _ordered(columns[index], beside, joined)
    return Layout(tuple(tuple(column) for column in columns if column), description.edges)


def _ordered(column: Sequence[Node], beside: Sequence[Node], joined: Mapping[Node, Sequence[Node]]) -> list[Node]:
    heights = {node: index / max(1, len(beside) - 1) for index, node in enumerate(beside)}
    own = {node: index / max(1, len(column) - 1) for index, node in enumerate(column)}

    def height(node: Node) -> float:
        found = [heights[each] for each in joined.get(node, ()) if each in heights]
        return sum(found) / len(found) if found else own[node]

    return sorted(column, key=height)
