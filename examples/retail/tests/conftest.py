"""The real file, where it is at hand."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

SALES, CATALOGUE = "online_retail.csv.gz", "complete_journey/products.csv.gz"
BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_file() -> Path:
    """Return the real year of sale lines."""
    return real(SALES)


@pytest.fixture(scope="session")
def real_catalogue() -> Path:
    """Return the real catalogue of products."""
    return real(CATALOGUE)


def real(name: str) -> Path:
    """Return a real file; skip where nobody says where it is, fail where it is not where it was said to be."""
    said = os.environ.get("DIPTYCH_DATA")
    file = Path(said or BESIDE) / name
    if file.exists():
        return file
    if said:
        pytest.fail(f"DIPTYCH_DATA is {said!r}, and there is no {name} in it")
    return pytest.skip(f"DIPTYCH_DATA names no folder with {name}, and there is none in {BESIDE}")


@pytest.fixture(scope="session")
def first_lines(real_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Return a function that writes the header and the first lines of the real file to a file of their own."""

    def write(count: int) -> Path:
        file = tmp_path_factory.mktemp("lines") / f"first-{count}.csv"
        with gzip.open(real_file, "rt", encoding="utf-8", newline="") as text:
            file.write_text("".join(islice(text, count + 1)), encoding="utf-8", newline="")
        return file

    return write
