"""The public names: what type checkers read is what a program gets."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import diptych

STUB = Path(diptych.__file__).with_suffix(".pyi")
HOMES = {
    name.name: node.module
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ImportFrom)
    for name in node.names
}


def test_the_stub_and_the_package_name_the_same() -> None:
    assert sorted(HOMES) == sorted(diptych.__all__)
    assert set(diptych.__all__) <= set(dir(diptych))


@pytest.mark.parametrize("name", sorted(HOMES))
def test_a_public_name_is_the_one_of_its_home(name: str) -> None:
    assert getattr(diptych, name) is getattr(importlib.import_module(HOMES[name] or ""), name)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'diptych' has no attribute 'Aggregat'"):
        diptych.Aggregat  # noqa: B018 (that it is missing)


def test_importing_the_package_imports_no_database() -> None:
    code = "import sys, diptych; print([name for name in ('sqlalchemy', 'sqlite3', 'asyncio') if name in sys.modules])"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "[]\n"
