"""Checking: a projection is compared with an independent fold where its rows are those that this code folds."""

from __future__ import annotations

from collections.abc import Mapping

from diptych.errors import OutdatedError, UnknownMessageError
from diptych.model.projections import Projection
from diptych.ports import Checkpoint


def named(projections: Mapping[str, Projection], name: str) -> Projection:
    """Return the projection of this name; raise UnknownMessageError where there is none."""
    if name not in projections:
        raise UnknownMessageError(f"there is no projection {name!r}; there are: {', '.join(projections) or 'none'}")
    return projections[name]


def refuse_outdated(projection: Projection, stored: Checkpoint | None, head: int, *, fits: bool) -> None:
    """Raise OutdatedError for rows that are there and were folded by other code."""
    if stored is not None and not fits:
        version, at = projection.version, stored.position
        raise OutdatedError(projection.name, stored=stored.version, version=version, position=at, head=head)
