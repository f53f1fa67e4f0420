"""The tutorial is the catalogue, from its first line to its last; the README's first five minutes are true."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import ROOT

_BLOCK = re.compile(r'^```python title="catalog\.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_TRANSCRIPT = re.compile(r"<!-- transcript -->\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_tutorial_shows_every_line_of_the_catalogue_in_order() -> None:
    shown = "".join(_BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")))
    code = (ROOT / "examples" / "catalog" / "catalog.py").read_text(encoding="utf-8")

    assert lines(shown) == lines(code)


@pytest.mark.parametrize("page", ["README.md"])
def test_the_transcript_of_a_page_is_what_happens(page: str, tmp_path: Path) -> None:
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIPTYCH_")}
    (transcript,) = _TRANSCRIPT.findall((ROOT / page).read_text(encoding="utf-8"))

    script = "\n".join(f"{command}\necho '<end>'" for command, _ in _STEP.findall(transcript))
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=kept | {"PATH": scripts, "COLUMNS": "120", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    found = _ANSI.sub("", done.stdout).split("<end>\n")
    check = doctest.OutputChecker().check_output
    for (command, expected), got in zip(_STEP.findall(transcript), found, strict=False):
        assert check(expected, got, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), f"$ {command}\n{got}"
