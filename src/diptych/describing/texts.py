"""A description as text for a terminal, and as a flowchart in Mermaid's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diptych.describing.description import Description, Kind

_SHAPES: dict[Kind, tuple[str, str]] = {
    "command": ('["', '"]'),
    "event": ('(["', '"])'),
    "read_model": ('[("', '")]'),
    "query": ('{{"', '"}}'),
    "subscriber": ('[/"', '"/]'),
}
_TITLES: dict[Kind, str] = {
    "command": "Commands",
    "event": "Events",
    "read_model": "Read models",
    "query": "Queries",
    "subscriber": "Subscribers",
}
_WIDEST = 32


def as_text(description: Description) -> str:
    """Return a description as aligned text: one line for each part, then what nobody uses."""
    sections = [
        ("COMMANDS -> events", [(each.name, each.events, _but(each.refusals)) for each in description.commands]),
        (
            "EVENTS -> read models, subscribers",
            [(each.name, (*each.folded_by, *each.handled_by), "") for each in description.events],
        ),
        (
            "READ MODELS <- events, rows",
            [(each.name, (*each.events, *each.made_of), f"[{each.home}]") for each in description.read_models],
        ),
        ("QUERIES <- read models", [(each.name, each.reads, "") for each in description.queries]),
        ("SUBSCRIBERS <- events", [(each.name, each.events, "") for each in description.subscribers]),
    ]
    lines = [line for title, rows in sections if rows for line in _section(title, rows)]
    return "\n".join([*lines, *_left_over(description)]).strip() + "\n"


def as_mermaid(description: Description) -> str:
    """Return a description as a Mermaid flowchart, from commands on the left to queries on the right."""
    nodes = nodes_of(description)
    ids = {node: f"n{index}" for index, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for kind, title in _TITLES.items():
        own = [node for node in nodes if node[0] == kind]
        if own:
            opening, closing = _SHAPES[kind]
            lines.append(f'  subgraph {kind}s["{title}"]')
            lines += [f"    {ids[node]}{opening}{_escaped(node[1])}{closing}" for node in own]
            lines.append("  end")
    lines += [f"  {ids[edge.source]} --> {ids[edge.target]}" for edge in description.edges]
    return "\n".join(lines) + "\n"


def nodes_of(description: Description) -> tuple[tuple[Kind, str], ...]:
    """Return all parts by kind and name, in the order of the wiring."""
    return (
        *(("command", each.name) for each in description.commands),
        *(("event", each.name) for each in description.events),
        *(("read_model", each.name) for each in description.read_models),
        *(("query", each.name) for each in description.queries),
        *(("subscriber", each.name) for each in description.subscribers),
    )


def _section(title: str, rows: list[tuple[str, tuple[str, ...], str]]) -> Iterator[str]:
    width = min(_WIDEST, max(len(name) for name, _, _ in rows))
    yield title
    for name, joined, note in rows:
        yield f"  {name:<{width}}  {', '.join(joined) or '-'}{f'  {note}' if note else ''}"
    yield ""


def _but(refusals: Iterable[str]) -> str:
    names = ", ".join(refusals)
    return f"(or {names})" if names else ""


def _left_over(description: Description) -> Iterator[str]:
    for name, reason in description.unused_events.items():
        yield f"unused event: {name}, {reason}"
    for name in description.unread_models:
        yield f"unread read model: {name}"
    for name in description.untested or ():
        yield f"no test names: {name}"


def _escaped(text: str) -> str:
    return "".join(each if each.isalnum() or each in " _.-" else f"#{ord(each)};" for each in text)
