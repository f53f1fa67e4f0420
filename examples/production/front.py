"""The front of the shop: serves commands or queries to those who show a token.

`diptych serve` serves this machine alone. Whoever is reachable from others says who is asking: here by tokens from a
file, one line each, `TOKEN USER`. Put a proxy with TLS before it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

from starlette.requests import HTTPConnection

from catalog import application
from diptych import NotAllowed
from diptych.web.server import serve

USAGE = "usage: front.py commands|queries|check"


def users_of(path: Path) -> Mapping[bytes, str]:
    """Return who has which token, by its hash: looking one up tells nothing about the others."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {sha256(token.encode()).digest(): user for token, user in lines}


def principal_of(users: Mapping[bytes, str]) -> Callable[[HTTPConnection], str]:
    """Return the hook that says who is asking."""

    def principal(connection: HTTPConnection) -> str:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        user = users.get(sha256(token.encode()).digest()) if scheme == "Bearer" else None
        if user is None:
            raise NotAllowed("show a token")
        return user

    return principal


def main() -> None:
    """Serve until a signal comes, or check that what is served here is ready."""
    port = int(os.environ.get("SHOP_PORT", "8000"))
    match sys.argv[1:]:
        case ["check"]:
            urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).close()
        case ["commands" | "queries" as only]:
            serve(
                application(os.environ["DIPTYCH_EVENTS"]).configured(only=only),
                host=os.environ.get("SHOP_HOST", "127.0.0.1"),
                port=port,
                hosts=os.environ.get("SHOP_NAMES", "").split(),
                principal=principal_of(users_of(Path(os.environ["SHOP_TOKENS"]))),
            )
        case _:
            sys.exit(USAGE)


if __name__ == "__main__":
    main()
