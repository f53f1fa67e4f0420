"""A small application in a folder of its own, and the command line to run on it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from diptych.cli import main

BANK = Path(__file__).with_name("bank.py")
PROJECT = '[tool.diptych]\napp = "bank:app"\n'

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project: its application in bank.py, named in pyproject.toml."""
    shutil.copy(BANK, tmp_path / "bank.py")
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("APP", "EVENTS", "READS", "HOST", "PORT", "MODE", "ONLY"):
        monkeypatch.delenv(f"DIPTYCH_{name}", raising=False)
    yield tmp_path
    sys.modules.pop("bank", None)


@pytest.fixture
def run(folder: Path) -> Run:
    """Run `diptych` with these words, in this process."""

    def call(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, list(words), input=stdin, prog_name="diptych")

    return call


@pytest.fixture
def told(run: Run) -> Callable[..., Any]:
    """Run `diptych` with these words and `--json`; return what it printed."""

    def call(*words: str) -> Any:
        result = run(*words, "--json")
        assert not result.stderr or result.exit_code, result.stderr
        return json.loads(result.stdout)

    return call


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `python -m diptych` in a process of its own; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def call(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "diptych", *words]
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )
        started.append(process)
        return process

    yield call
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
