"""Finds and runs the examples of the documentation; `test_docs.py` applies it."""

import ast
import asyncio
import doctest
import importlib
import re
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FENCE = re.compile(r"^(?P<indent> *)```python\b[^\n]*\n(?P<code>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"<!--\s*skip:\s*\S.*?-->\s*\Z", re.DOTALL)


class ExampleError(AssertionError):
    """An example of the documentation does not do what it shows."""


@dataclass(frozen=True)
class Block:
    """One Python block of a page; `line` is that of its first line of code."""

    code: str
    line: int


def pages(root: Path) -> list[Path]:
    return [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "examples").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Every Python block of a page that no `<!-- skip: reason -->` right above excuses."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if SKIP.search(text, 0, found.start()):
            continue
        indent = len(found["indent"])
        code = "".join(line[indent:] or "\n" for line in found["code"].splitlines(keepends=True))
        yield Block(code, text.count("\n", 0, found.start("code")) + 1)


def run_page(page: Path) -> int:
    """Run a page's blocks in order, as one module and on one event loop; `await` at the top is allowed."""
    module = types.ModuleType(f"page_{re.sub(r'[^0-9a-zA-Z]', '_', page.stem)}")
    module.__file__ = str(page)
    sys.modules[module.__name__] = module
    count = 0
    try:
        with asyncio.Runner() as runner:
            for block in blocks(page):
                _run(page, block, module, runner)
                count += 1
    finally:
        del sys.modules[module.__name__]
    return count


def _run(page: Path, block: Block, module: types.ModuleType, runner: asyncio.Runner) -> None:
    try:
        if block.code.lstrip().startswith(">>>"):
            _run_session(page, block, module)
            return
        padded = "\n" * (block.line - 1) + block.code  # the page's own line numbers, in tracebacks and for inspect
        code = compile(padded, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        coroutine = types.FunctionType(code, module.__dict__)()
        if coroutine is not None:
            runner.run(coroutine)
    except ExampleError:
        raise
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(page)]
        at = lines[-1] if lines else getattr(error, "lineno", None) or block.line
        message = f"{page}:{at}: {type(error).__name__}: {error}"
        raise ExampleError(message) from error


def _run_session(page: Path, block: Block, module: types.ModuleType) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, module.__dict__, page.name, str(page), block.line - 1)
    globals_before = module.__dict__
    _check(test)
    globals_before.update(test.globs)


def modules_with_docstring_examples(root: Path) -> list[str]:
    """The modules of `src` and the examples that show a `>>>` session."""
    bases = [root / "src", *sorted(path for path in (root / "examples").glob("*/") if path.is_dir())]
    return [
        ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
        for base in bases
        for path in sorted(base.rglob("*.py"))
        if "tests" not in path.relative_to(base).parts and ">>> " in path.read_text(encoding="utf-8")
    ]


def run_docstrings(module: types.ModuleType | str) -> int:
    """Run every `>>>` example of a module's docstrings and return how many objects had one."""
    if isinstance(module, str):
        module = importlib.import_module(module)
    tests = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    for test in tests:
        _check(test)
    return len(tests)


def _check(test: doctest.DocTest) -> None:
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=told.append, clear_globs=False)
    if runner.failures:
        raise ExampleError("".join(told))
