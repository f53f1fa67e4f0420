"""Auditors: which principal may see what others sent, and the past of rows where guards say who may see what."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from diptych.errors import NotAllowed, RequestError
from diptych.web.edge import Edge

Auditor = Callable[[str | None], bool | Awaitable[bool]]
"""Say whether a principal may see what others sent, and what became of it. It may be async."""


class Oversight:
    """Ask the auditor; without one nobody may, but this machine where there is no hook that names principals."""

    def __init__(self, edge: Edge, auditor: Auditor | None) -> None:
        self._auditor, self._are_local = auditor, edge.principals.are_local
        self._guarded = any(module.gates for module in edge.application.modules)

    async def admit(self, principal: str | None) -> None:
        """Raise NotAllowed unless the principal may see what others sent."""
        if self._auditor is None:
            if not self._are_local:
                raise RequestError("forbidden", "nobody may see what others sent; pass auditor=... to say who may")
            return
        found = self._auditor(principal)
        if not (await found if inspect.isawaitable(found) else found):
            raise NotAllowed("this principal may not see what others sent")

    async def admit_to_rows(self, principal: str | None) -> None:
        """Raise NotAllowed unless the principal may see whole rows and who changed them, past all guards.

        Where nothing is guarded and there is no auditor, everybody may whom the hook lets through.
        """
        if self._guarded or self._auditor is not None:
            await self.admit(principal)
