"""Processes of a fault test: started, spoken to by stdin, listened to by stdout, and gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINES = 1 << 20


@contextlib.asynccontextmanager
async def process(module: str, *arguments: object, **environment: str) -> AsyncIterator[Process]:
    """Run `python -m module arguments`; kill it at the end if it still lives."""
    words = [str(argument) for argument in arguments]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdin=PIPE, stdout=PIPE, cwd=ROOT, env={**os.environ, **environment},
        limit=_LINES,
    )  # fmt: skip
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def line(child: Process) -> str:
    """Return the next line that a process says; fail when it says no more."""
    assert child.stdout is not None
    said = await child.stdout.readline()
    assert said, f"the process ended with status {await child.wait()}"
    return said.decode().strip()


async def rest(child: Process) -> list[str]:
    """End a process's stdin and return every line that it still says."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    return (await child.stdout.read()).decode().splitlines()
