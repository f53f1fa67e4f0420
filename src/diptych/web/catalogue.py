"""The message catalogue: every command, event, read model and query of an application, as one page without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from diptych.application import Application
from diptych.describing.describe import describe
from diptych.describing.description import CommandPart, Description, EventPart, FieldPart, QueryPart, ReadModelPart
from diptych.describing.drawing import as_svg

_JSON = "application/json"
_SECURE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
# The drawing is a document of its own: the style within it is ours, and it loads and runs nothing.
_DRAWN = _SECURE | {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


def catalogue_routes(application: Application, *, title: str) -> list[Route]:
    """Return the routes of the catalogue: the page, its style, its drawing, and the same as JSON."""

    @cache
    def description() -> Description:
        return describe(application)

    @cache
    def page() -> str:
        return catalogue_page(description(), title=title)

    @cache
    def drawing() -> str:
        return as_svg(description(), title=title)

    style = (files("diptych.web") / "assets" / "catalogue.css").read_text(encoding="utf-8")
    return [
        Route("/docs/catalogue", lambda _: _answer(page(), "text/html")),
        Route("/docs/catalogue.css", lambda _: _answer(style, "text/css")),
        Route("/docs/catalogue.svg", lambda _: _answer(drawing(), "image/svg+xml", _DRAWN)),
        Route("/docs/catalogue.json", lambda _: _answer(msgspec.json.encode(description().as_json()), _JSON)),
    ]


def _answer(text: str | bytes, media: str, headers: Mapping[str, str] = _SECURE) -> Response:
    return Response(text, media_type=media, headers=dict(headers))


def catalogue_page(description: Description, *, title: str) -> str:
    """Return the catalogue as an HTML document."""
    sections: list[tuple[str, str, Iterable[str]]] = [
        ("Commands", "command", map(_command, description.commands)),
        ("Events", "event", map(_event, description.events)),
        ("Read models", "read_model", map(_read_model, description.read_models)),
        ("Queries", "query", map(_query, description.queries)),
    ]
    body = "\n".join(_section(name, kind, list(articles)) for name, kind, articles in sections)
    index = "".join(f'<a href="#{kind}">{name}</a>' for name, kind, _ in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}: messages</title>\n<link rel="stylesheet" href="catalogue.css">\n</head>\n<body>\n'
        f"<header><h1>{escape(title)}</h1><nav>{index}</nav>"
        '<nav><a href="../docs">try it</a><a href="../openapi.json">OpenAPI</a>'
        '<a href="catalogue.json">JSON</a></nav></header>\n<main>\n'
        '<figure><a href="catalogue.svg"><img src="catalogue.svg" alt="From commands over events and read models to '
        f'queries"></a></figure>\n{_unused(description)}{body}\n</main>\n</body>\n</html>\n'
    )


def _section(name: str, kind: str, articles: list[str]) -> str:
    head = f"<h2>{name} <small>{len(articles)}</small></h2>"
    return f'<section id="{kind}" class="{kind}">{head}{"".join(articles)}</section>'


def _command(command: CommandPart) -> str:
    facts = (
        ("module", escape(command.module)),
        ("result", escape(command.result)),
        ("records", _links("event", command.events)),
        ("may refuse", ", ".join(map(escape, command.refusals))),
        ("guarded by", ", ".join(map(escape, command.guards))),
    )
    return _article("command", command.name, command.summary, facts, command.fields, example=command.example)


def _event(event: EventPart) -> str:
    facts = (
        ("stored as", escape(event.stored)),
        ("upcast from", ", ".join(map(escape, event.upcast_from))),
        ("recorded by", _links("command", event.recorded_by)),
        ("decided on by", _links("command", event.decided_on_by)),
        ("folded by", _links("read_model", event.folded_by)),
        ("handled by", ", ".join(map(escape, event.handled_by))),
    )
    return _article("event", event.name, event.summary, facts, event.fields, example=event.example)


def _read_model(model: ReadModelPart) -> str:
    facts = (
        (model.form, escape(model.home)),
        ("key", escape(", ".join(model.key))),
        ("folds", _links("event", model.events)),
        ("made of", _links("read_model", model.made_of)),
        ("refers to", _links("read_model", model.refers_to)),
        ("read by", escape(", ".join(model.read_by))),
    )
    return _article("read_model", model.name, "", facts, model.fields)


def _query(query: QueryPart) -> str:
    facts = (
        ("module", escape(query.module)),
        ("answers", escape(query.result)),
        ("reads", _links("read_model", query.reads)),
        ("guarded by", ", ".join(map(escape, query.guards))),
    )
    return _article("query", query.name, query.summary, facts, query.fields, example=query.example)


def _article(
    kind: str,
    name: str,
    summary: str,
    facts: Iterable[tuple[str, str]],
    fields: Iterable[FieldPart],
    *,
    example: Any = None,
) -> str:
    told = "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in facts if value)
    rows = "".join(_rows(fields))
    table = f"<table>{rows}</table>" if rows else ""
    shown = "" if example is None else msgspec.json.format(msgspec.json.encode(example)).decode()
    code = f"<details><summary>example</summary><pre>{escape(shown)}</pre></details>" if shown else ""
    text = f"<p>{escape(summary)}</p>" if summary else ""
    return f'<article id="{kind}-{escape(name)}"><h3>{escape(name)}</h3>{text}<dl>{told}</dl>{table}{code}</article>'


def _rows(fields: Iterable[FieldPart]) -> Iterator[str]:
    for field in fields:
        required = ' class="required"' if field.required else ""
        bounds = escape(", ".join(field.constraints))
        told = f"<td><code>{escape(field.type)}</code></td><td>{bounds}</td>"
        yield f"<tr><th{required}>{escape(field.name)}</th>{told}</tr>"


def _links(kind: str, names: Iterable[str]) -> str:
    return ", ".join(f'<a href="#{kind}-{escape(name)}">{escape(name)}</a>' for name in names)


def _unused(description: Description) -> str:
    found = [f"{name} is {reason}" for name, reason in description.unused_events.items()]
    found += [f"{name} is read by nobody" for name in description.unread_models]
    items = "".join(f"<li>{escape(each)}</li>" for each in found)
    return f"<aside><h2>Unused</h2><ul>{items}</ul></aside>\n" if found else ""
