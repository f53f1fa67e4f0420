"""Queries over HTTP: `GET /queries/{Name}?field=value`, or `POST` with the query as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diptych.codec import decode_message
from diptych.read.cache import written
from diptych.read.panel import Answer
from diptych.web.arguments import query_of
from diptych.web.bodies import Receive, read_body
from diptych.web.edge import Edge, Reply, Scope, refuse_method
from diptych.web.faces import Face, unknown
from diptych.web.headers import Headers, after_position, known_etags, wait_seconds
from diptych.web.moments import as_of_of

PREFIX = "/queries/"
_JSON = (b"content-type", b"application/json")
_REVALIDATE = (b"cache-control", b"private, no-cache")
Enclose = Callable[[bytes, Any], bytes]
"""Wrap the JSON of an answer, given with the answer itself."""


def query_face(edge: Edge) -> Face:
    """Return the ASGI application that answers queries."""
    application, principals = edge.application, edge.principals
    known = dict(application.queries)

    async def serve(name: str, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        cls = known.get(name)
        if cls is None:
            raise unknown("query", name, known)
        after, wait, as_of = after_position(headers), wait_seconds(headers), as_of_of(scope["query_string"])
        principal = await principals.of(scope, headers)
        query = await _query(cls, edge.max_body, scope, headers, receive)
        answer = await application.answer(query, after=after, as_of=as_of, wait=wait, principal=principal)
        return reply_to_answer(answer, headers)

    return Face(edge, "query", PREFIX, known, serve)


def unclosed(body: bytes, _: Any) -> bytes:
    """Return the JSON as it is."""
    return body


def entity_tag(changed: int, digest: bytes) -> bytes:
    """Return the tag of an answer: the last change of what it may show, and a digest of what it shows.

    The position tells when asking again is needless; the digest keeps a tag right when code or a generation changed.
    """
    return b'"%d-%b"' % (changed, digest)


async def _query(cls: type, limit: int, scope: Scope, headers: Headers, receive: Receive) -> Any:
    if scope["method"] in {"GET", "HEAD"}:
        return query_of(cls, scope["query_string"])
    if scope["method"] != "POST":
        raise refuse_method("GET, HEAD, POST")
    body = await read_body(receive, headers.get(b"content-length"), limit)
    return decode_message(cls, body or b"{}")


def reply_to_answer(answer: Answer, headers: Headers, *, enclose: Enclose = unclosed) -> Reply:
    """Return the answer of a query with its position and tag; 304 to a client that has it. `enclose` wraps its JSON."""
    body, digest = answer.written or written(answer.value)
    etag = entity_tag(answer.changed, digest)
    shared = [(b"etag", b"W/" + etag), (b"diptych-position", b"%d" % answer.position), _REVALIDATE]
    if is_known(etag, headers):
        return Reply(304, shared, b"", "unchanged")
    body = enclose(body, answer.value)
    return Reply(200, [_JSON, (b"content-length", b"%d" % len(body)), *shared], body, "answered")


def is_known(etag: bytes, headers: Headers) -> bool:
    """Say whether If-None-Match names an answer of the same text."""
    if b"if-none-match" not in headers:
        return False
    digest = etag.partition(b"-")[2]
    return any(each == b"*" or each.partition(b"-")[2] == digest for each in known_etags(headers))
