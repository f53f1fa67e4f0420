"""Installations: when a projection goes on from its stored rows, when it begins anew, and what refuses to do either."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from diptych.errors import FencedError, ForeignLogError, WiringError
from diptych.model.projections import Projection
from diptych.ports import Checkpoint, changed_unraised

_log = logging.getLogger("diptych.projections")


class Terms(NamedTuple):
    """Say for what projections are installed.

    For which log, and its head; in which mode; which projections the application declares, and which of all projections
    other workers own.
    """

    log_id: UUID
    head: int
    mode: str
    declared: Collection[str]
    held: Collection[str]

    def refuse_foreign(self, stored: Checkpoint) -> None:
        """Raise ForeignLogError for rows of another log, or of one that was longer."""
        if stored.log_id != self.log_id:
            raise ForeignLogError(
                f"the rows of {stored.projection!r} were folded from log {stored.log_id}, and this is log "
                f"{self.log_id}; open the log that belongs to them, or keep the read models elsewhere, reads=..."
            )
        if stored.position > self.head:
            raise ForeignLogError(
                f"the rows of {stored.projection!r} stand at position {stored.position}, and the log ends at "
                f"{self.head}: it was restored or rewound; keep the read models elsewhere, reads=..., to rebuild them"
            )

    def is_due(self, stored: Checkpoint, projection: Projection, fingerprint: str) -> bool:
        """Say whether rows are folded anew; raise WiringError for a change under the same version in production."""
        if stored.version != projection.version:
            _log.info("projection %r: version %d -> %d", projection.name, stored.version, projection.version)
            return True
        if stored.fingerprint == fingerprint:
            return False
        if self.mode != "dev":
            raise changed_unraised(stored, projection)
        _log.warning("projection %r changed: rebuilding (mode dev)", projection.name)
        return True

    def refuse_claim(self, model: str, projection: Projection, owner: str) -> None:
        """Raise unless a read model of another projection may be taken over from it: FencedError where it may later."""
        if owner not in self.declared:
            raise WiringError(
                f"read model {model!r} of projection {projection.name!r} already belongs to projection {owner!r}",
                fix=f"if {owner!r} is of another application, give it a name of its own, "
                f"read_model(..., name='{projection.name}_{model}'), or keep the read models elsewhere, reads=...; "
                f"if it is gone, remove the read models, a file or a schema: all are folded anew from the log",
            )
        if owner in self.held:
            raise FencedError(
                f"read model {model!r} of projection {projection.name!r} still belongs to projection {owner!r}, which "
                f"another process owns; it is free once that one runs this code, or ends"
            )
