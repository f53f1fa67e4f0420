"""Forks of this process, counted in the child: connections and locks of a store must not cross one.

Asking the operating system for the process id costs a system call on every read and append; this costs an attribute.
"""

from __future__ import annotations

import os


class Forks:
    """Count how often this process is the child of a fork, since the module was imported."""

    def __init__(self) -> None:
        self.count = 0
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.count += 1


FORKS = Forks()
