"""Ports: what the shop needs of the world outside; an application provides whatever stands behind them."""

from __future__ import annotations

import logging
from typing import Protocol

from retail.views.search import ProductFound

_log = logging.getLogger("retail")


class Mailer(Protocol):
    """Send mail; the same key is sent once, however often it comes."""

    async def send(self, to: str, text: str, *, key: str) -> None:
        """Send a text to a customer."""


class SearchIndex(Protocol):
    """Keep a copy of every product for a search engine; putting one twice changes nothing."""

    async def put(self, product: ProductFound) -> None:
        """Put a product, in the place of what was there of its code."""


class LoggedMailer:
    """Write mail to the log of the process, until somebody provides a mail server."""

    async def send(self, to: str, text: str, *, key: str) -> None:
        """Write it."""
        _log.info("mail %s to %s: %s", key, to, text)


class LoggedIndex:
    """Write what a search engine would get to the log of the process, until somebody provides one."""

    async def put(self, product: ProductFound) -> None:
        """Write it."""
        _log.debug("index %s: %s", product.product, product.description)


def mailer() -> Mailer:
    """Return the mailer of a shop that has none."""
    return LoggedMailer()


def search_index() -> SearchIndex:
    """Return the search engine of a shop that has none."""
    return LoggedIndex()
