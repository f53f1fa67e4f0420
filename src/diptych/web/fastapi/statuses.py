"""Statuses: which HTTP status a problem has, where a route or a whole API wants another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import Depends, Request

from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal, WiringError
from diptych.model.results import Conflict, Forbidden, Invalid, NotFound, Refused
from diptych.web.fastapi.marks import REMAPS, saying
from diptych.web.fastapi.visits import remap_here
from diptych.web.problems import KINDS, Problem

Statuses = Mapping[Any, int]  # Any: a class or a text; a `dict[type[Refused], int]` is no `Mapping[type | str, int]`
"""HTTP statuses by result (`Refused: 400`), refusal (`OutOfStock: 410`), or kind of problem (`"stale": 504`)."""

_OF_CLASS: Mapping[type, str] = {
    Invalid: "invalid",
    Refused: "refused",
    NotFound: "not-found",
    Conflict: "conflict",
    Forbidden: "forbidden",
    Refusal: "refused",
    Missing: "not-found",
    NotAllowed: "forbidden",
    FieldErrors: "invalid",
}
_FAILED = range(400, 600)


class Remapping:
    """Statuses that were checked, by kind of problem and code; those of a route go before those of its door."""

    def __init__(self, statuses: Statuses) -> None:
        self.by_kind = {_kind(key): _status(key, status) for key, status in statuses.items()}

    def over(self, other: Remapping) -> Remapping:
        """Return these statuses, and for what they do not name those of another."""
        merged = Remapping({})
        merged.by_kind = {**other.by_kind, **self.by_kind}
        return merged

    def applied(self, problem: Problem) -> Problem:
        """Return the problem under the status that it has here."""
        status = self.by_kind.get(f"{problem.kind}/{problem.code}", self.by_kind.get(problem.kind))
        return problem if status is None else replace(problem, remapped=status)

    def by_status(self, kinds: Iterable[str]) -> dict[int, list[str]]:
        """Return these kinds of problems by the status that they have here; codes that go elsewhere stand there too."""
        found: dict[int, list[str]] = {}
        wanted = tuple(kinds)
        coded = [key for key in self.by_kind if "/" in key and key.partition("/")[0] in wanted]
        for kind in (*wanted, *coded):
            found.setdefault(self.by_kind[kind] if kind in self.by_kind else KINDS[kind].status, []).append(kind)
        return found


def remapped(statuses: Statuses) -> Any:  # Any: what FastAPI's own Depends is typed as
    """Return a dependency that gives the problems of one route, or of one router, other statuses.

    `@api.post("/orders", dependencies=[remapped({Invalid: 400, Refused: 400})])`. Raises WiringError for what is no
    result, refusal or kind of problem, and for what is no status of a failure.
    """
    return remapped_as(Remapping(statuses))


def remapped_as(here: Remapping) -> Any:  # Any: what FastAPI's own Depends is typed as
    """Return the dependency of statuses that were checked."""

    async def remap(request: Request, _: Any = None) -> None:
        remap_here(request.scope, here)

    return Depends(saying(REMAPS, lambda: here.by_kind, remap))


def _kind(key: type | str) -> str:
    if isinstance(key, str):
        if key.partition("/")[0] in KINDS:
            return key
    elif key in _OF_CLASS:
        return _OF_CLASS[key]
    elif issubclass(key, Refusal) and not issubclass(key, (Missing, NotAllowed, FieldErrors)):
        return f"refused/{key.code}"
    shown = key if isinstance(key, str) else key.__qualname__
    raise WiringError(
        f"{shown!r} names no kind of problem, so it can have no status of its own",
        fix=f"name a result such as Refused, a subclass of Refusal, or one of: {', '.join(KINDS)}",
    )


def _status(key: type | str, status: int) -> int:
    if status not in _FAILED:
        raise WiringError(f"{key!r} is a failure and has the status {status}", fix="give it one from 400 to 599")
    return status
