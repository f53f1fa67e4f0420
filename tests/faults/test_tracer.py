"""The tracer that the fault tests look through sees what a process does to its files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fault


def syscalls(script: str, trace: Path, *names: str) -> str:
    strace = shutil.which("strace")
    assert strace is not None, "strace is needed: apt-get install strace"
    command = [strace, "-f", "-y", "-o", str(trace), "-e", f"trace={','.join(names)}", sys.executable, "-c", script]
    subprocess.run(command, check=True, cwd=trace.parent, timeout=50)
    return trace.read_text()


def test_the_tracer_sees_the_fsync_of_a_file(tmp_path: Path) -> None:
    script = "import os\nwith open('log', 'wb', buffering=0) as log:\n    log.write(b'event')\n    os.fsync(log)\n"

    trace = syscalls(script, tmp_path / "trace", "write", "fsync")

    assert trace.index('/log>, "event", 5) = 5') < trace.index("/log>) ")


def test_the_tracer_misses_an_fsync_that_was_left_out(tmp_path: Path) -> None:
    script = "with open('log', 'wb', buffering=0) as log:\n    log.write(b'event')\n"

    trace = syscalls(script, tmp_path / "trace", "write", "fsync")

    assert '/log>, "event", 5) = 5' in trace
    assert "fsync" not in trace
