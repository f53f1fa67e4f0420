"""The real import takes PostgreSQL at most half as long again as SQLite, and every figure is the same."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from retail.app import build
from retail.importing.run import import_file
from retail.place import Place
from retail.report import figures_of, report_of
from retail.settings import ShopSettings
from tests.clusters import NEWEST, Cluster
from tests.sizes import FULL, size

pytestmark = [pytest.mark.fault, pytest.mark.real_data, pytest.mark.timeout(size(240, full=6_000))]

LINES = size(20_000, full=541_909)
ROUNDS = size(1, full=2)
SLOWER = 1.5
SETTINGS = ShopSettings(negative_stock=True)
Figures = dict[str, Any]


@pytest.fixture
def durable() -> Iterator[Cluster]:
    """Start a server whose files are on the disk that SQLite's are on; the one that tests share keeps its in memory."""
    cluster = Cluster(NEWEST)
    yield cluster
    cluster.remove()


async def imported(place: Place, file: Path, rejects: Path) -> tuple[float, Figures]:
    """Import a file, and wait for the read models; return the seconds that both took, and every figure."""
    began = time.monotonic()
    async with build(place, SETTINGS) as shop:
        done = await import_file(shop, file, rejects, SETTINGS, lambda *_: None)
        await shop.caught_up(timeout=3_000)
        took = time.monotonic() - began
        assert (done.lines, done.is_clean) == (LINES, True)
        return took, figures_of(await report_of(shop))


def folder(path: Path) -> Path:
    path.mkdir()
    return path


async def test_the_real_import_has_the_same_figures_in_postgres_in_half_as_long_again_at_most(
    first_lines: Callable[[int], Path],
    durable: Cluster,
    tmp_path: Path,
    record_property: Callable[[str, Any], None],
) -> None:
    file, rejects = first_lines(LINES), tmp_path / "rejects.csv"
    seconds, figures = defaultdict[str, list[float]](list), list[Figures]()
    for number in range(ROUNDS):  # in turns, so that both meet the same machine
        homes: dict[str, Place] = {"SQLite": folder(tmp_path / f"{number}"), "PostgreSQL": durable.database().url}
        for name in homes if number % 2 == 0 else reversed(homes):
            took, found = await imported(homes[name], file, rejects)
            seconds[name].append(took)
            figures.append(found)

    best = {name: min(each) for name, each in seconds.items()}
    slower = best["PostgreSQL"] / best["SQLite"]
    record_property("lines", LINES)
    for name, each in seconds.items():
        record_property(f"s in {name}", ", ".join(f"{took:.1f}" for took in each))
    record_property("PostgreSQL / SQLite", round(slower, 2))
    assert figures == figures[:1] * len(figures)
    assert slower <= SLOWER or FULL not in os.environ, seconds
