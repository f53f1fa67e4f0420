"""The import, killed by `kill -9` at a random moment and run again: the same events, none twice, the same report."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
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
TELLING = """
from retail.showing import Stages
def tell(stages, stage, done, total):
    if stage == "documents" and done % 100 == 0:
        print(done, flush=True)
Stages.__call__ = tell
"""
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


def start(file: Path, data: Path, *, planted: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", planted + IMPORT, "import", str(file), "--data", str(data)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def finish(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait(PATIENCE)


def kill_at(process: subprocess.Popen[str], line: int) -> None:
    """Kill the import as soon as it says that it has read so many lines of documents; it went on meanwhile."""
    with process:
        assert process.stdout is not None
        for said in process.stdout:
            if int(said) >= line:
                process.kill()
                break
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
def undisturbed(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    data = tmp_path_factory.mktemp("undisturbed")
    assert finish(start(file, data)) == 0
    return asyncio.run(outcome_of(data))


@pytest.mark.parametrize("kill", range(KILLS))
def test_an_import_that_was_killed_and_resumed_is_one_that_was_not(
    kill: int, file: Path, undisturbed: Outcome, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    line = random.randrange(LINES // 20, LINES * 19 // 20)
    kill_at(start(file, tmp_path, planted=TELLING), line)

    status = finish(start(file, tmp_path))

    assert status == 0
    resumed = asyncio.run(outcome_of(tmp_path))
    assert resumed == undisturbed
    assert resumed.differences == []
    record_property("killed", f"at line {line:,} of {LINES:,}; {resumed.events:,} events after it went on, none twice")


def test_keys_that_do_not_come_from_the_file_are_caught(file: Path, undisturbed: Outcome, tmp_path: Path) -> None:
    kill_at(start(file, tmp_path, planted=TELLING + WITHOUT_KEYS_OF_THE_FILE), LINES // 2)

    status = finish(start(file, tmp_path, planted=WITHOUT_KEYS_OF_THE_FILE))

    assert status == 1
    assert asyncio.run(outcome_of(tmp_path)).hashes != undisturbed.hashes
