"""The run: find out what the file is, survey it, then send its acts, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diptych import Accepted, Application, KeyReusedError, Result
from retail.importing import acts, catalogue, lines
from retail.importing.records import format_of
from retail.importing.rejects import Rejects
from retail.importing.stages import Act, Hear
from retail.settings import ShopSettings

PRINCIPAL = "import"
AT_ONCE = 128


FORMATS = {lines.HEADER: acts.planned, catalogue.HEADER: catalogue.planned}
"""What is imported, by the header that it begins with."""


@dataclass(slots=True)
class Imported:
    """What a run did: lines read, commands that took effect now or had before, and what was rejected."""

    lines: int = 0
    accepted: int = 0
    replayed: int = 0
    rejected_lines: int = 0
    rejected_documents: int = 0

    @property
    def is_clean(self) -> bool:
        """Say whether every line was taken."""
        return self.rejected_lines == 0


async def import_file(
    app: Application, file: Path, rejects: Path, settings: ShopSettings, hear: Hear, *, at_once: int = AT_ONCE
) -> Imported:
    """Import a file; running it again, or after it was killed, changes nothing that was done.

    Raises HeaderError for a file that is something else.
    """
    planned = format_of(file, FORMATS)
    done = Imported()
    with Rejects(rejects) as refused:
        plan = await asyncio.to_thread(planned, file, settings, refused.line, hear)
        run = _Run(app, done, refused)
        for stage in plan.stages:
            await run.send(stage, at_once)
        done.lines, done.rejected_lines, done.rejected_documents = plan.lines, refused.lines, len(refused.documents)
    return done


class _Run:
    """Send acts from one source by many senders, so that the log can commit them in groups."""

    def __init__(self, app: Application, done: Imported, rejects: Rejects) -> None:
        self._app, self._done, self._rejects = app, done, rejects

    async def send(self, source: Iterator[Act], at_once: int) -> None:
        async with asyncio.TaskGroup() as senders:
            for _ in range(at_once):
                senders.create_task(self._drain(source))

    async def _drain(self, source: Iterator[Act]) -> None:
        for act in source:
            try:
                result = await self._app.send(act.command, key=act.key, principal=PRINCIPAL)
            except KeyReusedError:
                self._differs(act)
            else:
                self._count(act, result)

    def _count(self, act: Act, result: Result[object]) -> None:
        if not isinstance(result, Accepted):
            self._rejects.document(act.lines, f"{result.status}: {result.error or dict(result.errors)}")
        elif result.replayed:
            self._done.replayed += 1
        else:
            self._done.accepted += 1

    def _differs(self, act: Act) -> None:
        """Leave a product or customer of an earlier file as it is; reject a document that came before and differs."""
        if act.lines:
            self._rejects.document(act.lines, f"{act.key} was imported before, with other content")
        else:
            self._done.replayed += 1
