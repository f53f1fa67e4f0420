"""The root of every exception that Diptych itself raises."""

from __future__ import annotations


class Error(Exception):
    """Be the root of every exception that Diptych itself raises."""
