"""Answers of queries over HTTP: what is not there, and where the other pages are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar
from urllib.parse import quote

from starlette.datastructures import URL
from starlette.requests import Request

from diptych.errors import RequestError
from diptych.model.pages import CursorPage, Page

T = TypeVar("T")
By = Literal["offset", "page"]
"""How a list is asked for its parts: by `offset`, or by the number of a `page`, from 1."""


def or_404(found: T | None, detail: str = "nothing is there") -> T:
    """Return what a query found; raise RequestError for None, which is answered 404 `/problems/not-found`."""
    if found is None:
        raise RequestError("not-found", detail)
    return found


def page_links(url: URL, page: object, *, by: By = "offset") -> str | None:
    """Return the Link header (RFC 8288) of a page of a list; None for what is no page, or the only one."""
    links = [f'<{_target(url, asked)}>; rel="{name}"' for name, asked in _relations(page, by)]
    return ", ".join(links) or None


def public_url(request: Request) -> URL:
    """Return the URL of a request as its client sees it, behind a proxy that takes `root_path` off as well."""
    url, root = request.url, request.scope.get("root_path", "").rstrip("/")
    return url if f"{url.path}/".startswith(f"{root}/") else url.replace(path=f"{root}{url.path}")


def _relations(page: object, by: By) -> Iterator[tuple[str, Mapping[str, int | str]]]:
    if isinstance(page, CursorPage) and page.next is not None:
        yield "next", {"cursor": page.next}
    elif isinstance(page, Page) and page.limit > 0 and (page.offset or page.total > page.limit):
        last = max(0, (page.total - 1) // page.limit * page.limit)
        yield "first", _place(0, page.limit, by)
        if page.offset:
            yield "prev", _place(max(0, min(page.offset - page.limit, last)), page.limit, by)
        if page.offset + page.limit < page.total:
            yield "next", _place(page.offset + page.limit, page.limit, by)
        yield "last", _place(last, page.limit, by)


def _place(offset: int, limit: int, by: By) -> Mapping[str, int]:
    return {"offset": offset} if by == "offset" else {"page": offset // limit + 1}


def _target(url: URL, asked: Mapping[str, int | str]) -> str:
    target = url.include_query_params(**asked)
    return f"{quote(target.path, safe='/%')}?{target.query}"
