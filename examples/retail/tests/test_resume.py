"""The import, killed by `kill -9` at a random moment and run again: the same events, none twice, the same report."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from diptych import Criteria
from retail.app import build
from retail.report import figures_of, report_of
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.real_data, pytest.mark.timeout(size(120, full=3_000))]

KILLS = size(1, full=5)
LINES = size(20_000, full=541_909)
PATIENCE = size(60, full=600)

IMPORT = "from retail.cli import main\nmain()\n"
WITHOUT_KEYS_OF_THE_FILE = """
import uuid
from retail.importing import acts
documents = acts.documents
def forgetful(*arguments, **more):
    for act in documents(*arguments, **more):
        yield act._replace(key=uuid.uuid4().hex)
acts.documents = forgetful
"""


class Outcome(NamedTuple):
    """What a log and its read models hold: how many events, the sum of their hashes, the report, differences."""

    events: int
    hashes: int
    figures: dict[str, object]
    differences: list[Any]


def start(file: Path, data: Path, *, planted: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", planted + IMPORT, "import", str(file), "--data", str(data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> int:
    with process:
        return process.wait(PATIENCE)


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    with process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL, "the import ended before it was killed"


async def outcome_of(data: Path) -> Outcome:
    async with build(data) as app:
        await app.caught_up(timeout=PATIENCE)
        count = hashes = after = 0
        complete = False
        while not complete:
            found = await app.store.read(Criteria.all(), after=after, limit=10_000)
            count += len(found.events)
            hashes += sum(int.from_bytes(event.hash) for event in found.events)
            after, complete = found.through, found.complete
        differences = [each for name in app.projections for each in (await app.check(name)).differences]
        return Outcome(count, hashes, figures_of(await report_of(app)), differences)


@pytest.fixture(scope="module")
def file(first_lines: Callable[[int], Path]) -> Path:
    return first_lines(LINES)


@pytest.fixture(scope="module")
def undisturbed(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    data, started = tmp_path_factory.mktemp("undisturbed"), time.monotonic()
    assert finish(start(file, data)) == 0
    return data, time.monotonic() - started


@pytest.mark.parametrize("kill", range(KILLS))
async def test_an_import_that_was_killed_and_resumed_is_one_that_was_not(
    kill: int, file: Path, undisturbed: tuple[Path, float], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    clean, seconds = undisturbed
    moment = seconds * random.uniform(0.2, 0.8)
    kill_after(start(file, tmp_path), moment)

    status = finish(start(file, tmp_path))

    assert status == 0
    resumed = await outcome_of(tmp_path)
    assert resumed == await outcome_of(clean)
    assert resumed.differences == []
    record_property("killed", f"after {moment:.1f} s of {seconds:.1f} s; {resumed.events} events, none twice")


async def test_keys_that_do_not_come_from_the_file_are_caught(
    file: Path, undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    clean, seconds = undisturbed
    kill_after(start(file, tmp_path, planted=WITHOUT_KEYS_OF_THE_FILE), seconds * 0.7)

    status = finish(start(file, tmp_path, planted=WITHOUT_KEYS_OF_THE_FILE))

    assert status == 1
    assert (await outcome_of(tmp_path)).hashes != (await outcome_of(clean)).hashes
