"""Wiring mistakes fail before the first message, naming file, line and fix; the texts stand in a golden file.

`DIPTYCH_GOLDEN=write` writes it anew, for a change that means to change them.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from diptych import WiringError
from tests.wiring_mistakes import MISTAKES

GOLDEN = Path(__file__).parent / "golden" / "wiring.txt"
HERE = str(Path(__file__).parent) + os.sep


def told(mistake: Callable[[], None]) -> str:
    with pytest.raises(WiringError) as caught:
        mistake()
    return str(caught.value).replace(HERE, "")


def heading(mistake: Callable[[], None]) -> str:
    return mistake.__name__.replace("_", " ")


def test_the_texts_are_those_of_the_golden_file() -> None:
    texts = "\n\n".join(f"# {heading(mistake)}\n{told(mistake)}" for mistake in MISTAKES) + "\n"
    if os.environ.get("DIPTYCH_GOLDEN") == "write":
        GOLDEN.write_text(texts, encoding="utf-8")

    assert texts == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("mistake", MISTAKES, ids=heading)
def test_every_mistake_names_file_line_and_fix(mistake: Callable[[], None]) -> None:
    text = told(mistake)

    assert re.search(r"^  at   wiring_mistakes\.py:\d+$", text, re.MULTILINE)
    assert re.search(r"^  fix  \S+", text, re.MULTILINE)
