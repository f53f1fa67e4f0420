"""Tested: which messages some test names, by the syntax trees of a folder of tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from diptych.describing.description import Description


def with_tests(description: Description, folder: Path) -> Description:
    """Return the description with the commands, events and queries that no test of a folder names.

    A name counts where code has it, be it imported, called or an attribute; in a comment or a text it does not.
    """
    named = {name for path in sorted(folder.rglob("*.py")) for name in _names(path)}
    messages = [each.name for each in description.commands]
    messages += [each.name for each in description.queries] + [each.name for each in description.events]
    return replace(description, untested=tuple(name for name in messages if name not in named))


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from [alias.name for alias in node.names]
