"""The log of the real import goes to PostgreSQL, to a file and back: it is the same, and knows every command."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.application.houses import copy_log, export_log, import_log
from retail.app import build
from retail.importing.run import Imported, import_file
from retail.settings import ShopSettings
from tests.clusters import Database
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.real_data, pytest.mark.timeout(size(120, full=3_000))]

LINES = size(5_000, full=541_909)
SETTINGS = ShopSettings(negative_stock=True)


def unheard(stage: str, done: int, total: int | None) -> None:
    """Hear of progress, and say nothing."""


async def imported(data: Path, file: Path) -> Imported:
    """Import a file into the shop of a folder, of which nobody folds the read models."""
    async with build(data, SETTINGS, projections="follow") as app:
        return await import_file(app, file, data / "rejects.csv", SETTINGS, unheard)


async def test_the_real_log_moves_to_postgres_and_back_and_stays_the_same(
    first_lines: Callable[[int], Path],
    newest_postgres: Database,
    tmp_path: Path,
    record_property: Callable[[str, Any], None],
) -> None:
    file, old, new = first_lines(LINES), tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    first = await imported(old, file)

    began = time.monotonic()
    there = await copy_log(f"sqlite:///{old}/shop.db", newest_postgres.url, unheard)
    between = time.monotonic()
    back = await copy_log(newest_postgres.url, f"sqlite:///{new}/shop.db", unheard)
    record_property("events", there.digest.events)
    record_property("s to PostgreSQL", round(between - began, 1))
    record_property("s back", round(time.monotonic() - between, 1))

    assert there.digest == back.digest
    assert there.digest.records == first.accepted
    again = await imported(new, file)
    assert (again.accepted, again.replayed) == (0, first.accepted + first.replayed)


async def test_the_real_log_comes_back_from_a_file_the_same(
    first_lines: Callable[[int], Path], tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    await imported(tmp_path, first_lines(LINES))
    file = tmp_path / "shop.ndjson.gz"

    began = time.monotonic()
    digest = await export_log(f"sqlite:///{tmp_path}/shop.db", str(file), unheard)
    between = time.monotonic()
    done = await import_log(str(file), f"sqlite:///{tmp_path}/new.db", unheard)
    record_property("s to export", round(between - began, 1))
    record_property("s to import", round(time.monotonic() - between, 1))
    record_property("bytes per event", round(file.stat().st_size / digest.events))

    assert done.digest == digest
