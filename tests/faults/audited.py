"""An application whose commands end in every way, on a disk for its audit trail that can be full or hang."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from diptych import Application, Audit, Command, FieldErrors, Missing, Module, NotAllowed, NotBlank, Refusal, Tag, event
from diptych.ports import Attempt
from diptych.stores.sqlite.audit import SqliteAuditTrail
from diptych.stores.sqlite.audit_file import AuditFile


class Full(Refusal):
    pass


@event("seat.taken")
@dataclass(frozen=True, slots=True)
class Taken:
    seat: Annotated[str, Tag("seat")]


@dataclass(frozen=True, slots=True)
class Take(Command[None]):
    seat: Annotated[str, NotBlank]
    how: str = "accepted"


WRONG: dict[str, Exception] = {
    "refused": Full("no seat is left"),
    "not_found": Missing("there is no such seat"),
    "forbidden": NotAllowed("not yours"),
    "invalid": FieldErrors({"seat": "is odd"}),
    "failed": ZeroDivisionError("by zero"),
}
HOW = ("accepted", "shapeless", "key_reused", *WRONG)
seats = Module("seats")


@seats.decides()
def take(command: Take) -> Iterator[Taken]:
    if command.how in WRONG:
        raise WRONG[command.how]
    yield Taken(command.seat)


async def send(app: Application, number: int, how: str) -> None:
    """Send one command that ends so."""
    seat, key = " " if how == "shapeless" else f"s{number}", "the key" if how == "key_reused" else None
    await asyncio.gather(app.send(Take(seat, how), key=key, principal="ann"), return_exceptions=True)


class Sick(SqliteAuditTrail):
    """A trail on a disk that is `full`, or does not answer until it is `well`, or both."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = False
        self.well = asyncio.Event()
        self.well.set()
        self.failed = 0

    async def add(self, attempts: Sequence[Attempt], **settings: Any) -> None:
        await self.well.wait()
        try:
            await super().add(attempts, **settings)
        except BaseException:
            self.failed += 1
            raise

    def _opened(self) -> AuditFile:
        file = super()._opened()
        # SQLite takes the pages that there are for the least: from there on the disk is full.
        file._connection.execute(f"pragma max_page_count = {1 if self.full else 1 << 30}")
        return file


async def main(folder: str) -> None:
    """Note some, say so once they are written, note more, and wait to be killed."""
    async with Application(seats, events=f"sqlite:///{folder}/seats.db", audit=Audit()) as app:
        for number in range(50):
            await send(app, number, "refused")
        await app.audit.written()
        for number in range(50):
            await send(app, number, "refused")
        print("written 50", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
