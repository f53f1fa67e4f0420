"""FastAPI's own errors as problems: parameters that do not fit, and HTTPException."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from diptych.web.edge import OF_STATUS, reply_to_problem, response_of
from diptych.web.fastapi.visits import remapped_here
from diptych.web.problems import Problem


def tell_all_as_problems(api: FastAPI) -> None:
    """Tell what FastAPI refuses by itself as RFC 9457 problems too, on every route of an API.

    Parameters that do not fit are `/problems/invalid` with the same field paths as messages; an HTTPException is the
    problem of its status, where there is one.
    """
    api.add_exception_handler(RequestValidationError, tell_invalid)
    api.add_exception_handler(HTTPException, tell_http)


async def tell_invalid(request: Request, error: Any) -> Response:  # Any: a RequestValidationError
    """Return the problem of parameters that do not fit."""
    errors: dict[str, list[str]] = {}
    for found in error.errors():
        text = str(found["msg"])
        errors.setdefault(_path(found["loc"][1:]), []).append(text[:1].lower() + text[1:])
    detail = "; ".join(f"{path or 'request'}: {', '.join(texts)}" for path, texts in errors.items())
    problem = Problem("invalid", detail, members={"errors": errors})
    own = remapped_here(request.scope)
    return response_of(reply_to_problem(problem if own is None else own.applied(problem), position=None))


async def tell_http(request: Request, error: Any) -> Response:  # Any: an HTTPException
    """Return the problem of an HTTPException; FastAPI's own answer for a status that none has."""
    kind = OF_STATUS.get(error.status_code)
    if kind is None or not isinstance(error.detail, str):
        return await http_exception_handler(request, error)
    problem = Problem(kind, error.detail, headers=error.headers or {})
    return response_of(reply_to_problem(problem, position=None))


def _path(place: tuple[str | int, ...]) -> str:
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
