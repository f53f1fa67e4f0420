"""The run: survey the file, then send its acts, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diptych import Accepted, Application, KeyReusedError, Result
from retail.importing import acts
from retail.importing.acts import Act
from retail.importing.rejects import Rejects
from retail.importing.survey import survey_of
from retail.settings import ShopSettings

PRINCIPAL = "import"
AT_ONCE = 128


class Stage(Protocol):
    """Hear how far a stage of the import has come."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Hear it."""


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
    app: Application, file: Path, rejects: Path, settings: ShopSettings, hear: Stage, *, at_once: int = AT_ONCE
) -> Imported:
    """Import a file; running it again, or after it was killed, changes nothing that was done.

    Raises HeaderError for a file that is something else.
    """
    survey = await asyncio.to_thread(survey_of, file, lambda done: hear("survey", done, None))
    hear("survey", survey.lines, survey.lines)
    done = Imported(survey.lines)
    with Rejects(rejects) as refused:
        run = _Run(app, done, refused)
        await run.send(_told(acts.products(survey), hear, "products", len(survey.products)), at_once)
        await run.send(_told(acts.customers(survey), hear, "customers", len(survey.customers)), at_once)
        documents = acts.documents(
            file, survey, settings, reject=refused.line, tick=lambda count: hear("documents", count, survey.lines)
        )
        await run.send(documents, at_once)
        done.rejected_lines, done.rejected_documents = refused.lines, len(refused.documents)
    return done


def _told(found: Iterator[Act], hear: Stage, stage: str, total: int) -> Iterator[Act]:
    for count, act in enumerate(found, 1):
        yield act
        hear(stage, count, total)


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
