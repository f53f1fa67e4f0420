"""The source of a function or class as a tree, where there is one."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any


def source_of(thing: Any) -> ast.Module | None:
    """Return the tree of what a function or class was made from; None for what was made without a file."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):
        return None
