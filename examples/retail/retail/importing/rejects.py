"""The rejects file: every line that was not imported, with its place in the file and the reason."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from retail.importing.records import Malformed, Placed

HEADER = ("line", "number", "reason", "text")


class Rejects:
    """Write rejected lines beside the place where they will stand; a run that rejects nothing leaves no file.

    The file takes its place when the run ends, so that a run that is killed leaves the one of the last run.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.lines = file, 0
        self.documents: set[str] = set()
        self._growing = file.with_name(f"{file.name}.growing")
        self._opened: IO[str] | None = None
        self._writer: Any = None  # Any: the csv module's writer has no public type

    def __enter__(self) -> Self:
        self._opened = self._growing.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._opened, lineterminator="\n")
        self._writer.writerow(HEADER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()
        if self.lines:
            self._growing.replace(self.file)
        else:
            self._growing.unlink()
            if kind is None:
                self.file.unlink(missing_ok=True)

    def line(self, line: Malformed) -> None:
        """Reject a line."""
        self._writer.writerow((line.place, line.number or "", line.reason, line.text))
        self.lines += 1
        self.documents.add(line.number or f"line {line.place}")

    def document(self, lines: Iterable[Placed], reason: str) -> None:
        """Reject the lines of a document that the shop did not take."""
        for line in lines:
            self.line(Malformed(line.place, line.number, reason, line.text))
