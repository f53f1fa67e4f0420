"""An HTTP API against its own OpenAPI document: the document is valid, the API keeps it, a client made of it works.

Made for any ASGI application that serves `/openapi.json`: tests of an example use it too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import uvicorn
from openapi_spec_validator import validate

Document = Mapping[str, Any]

# What is checked of every answer, besides that it is no 5xx but a documented one. Left out are checks of what is not
# promised: that a deleted thing is gone at once, and whether a body with unknown members is refused.
_CONFIG = """
seed = {seed}
[generation]
allow-x00 = false
deterministic = true
max-examples = {examples}
unique-inputs = true
database = "none"
[phases.stateful]
enabled = false
[checks]
use_after_free.enabled = false
ensure_resource_availability.enabled = false
not_a_server_error.expected-statuses = ["2XX", "3XX", "4XX", "503"]
positive_data_acceptance.enabled = false  # acceptance.py is more exact
allow_header_conformance.enabled = false  # Starlette tells the methods of the first route at a path
"""
_RUN = (sys.executable, "-c", "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())")
_GENERATED = re.compile(r"(\d+) generated")


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI application, its lifespan too, on a free port of this machine; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="error", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            _wait_for(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


def refuse_invalid(document: Document) -> None:
    """Raise for a document that is no valid OpenAPI."""
    validate(msgspec.json.decode(msgspec.json.encode(document)))


def fuzz(address: str, folder: Path, *, examples: int, seed: int = 1, path: str = "/openapi.json") -> int:
    """Send requests that fit the document of a served API, and such that do not; return how many.

    `examples` bounds those of one operation. Raises AssertionError with what Schemathesis says: an answer that the
    document does not describe, a 5xx but 503, refused data that fits, taken data that does not.
    """
    (folder / "schemathesis.toml").write_text(_CONFIG.format(seed=seed, examples=examples), encoding="utf-8")
    command = (*_RUN, "--config-file", str(folder / "schemathesis.toml"), "run", f"{address}{path}", "--no-color")
    hooks = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("acceptance.py"))}
    done = subprocess.run(command, cwd=folder, env=hooks, capture_output=True, text=True, check=False)
    generated = _GENERATED.search(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert generated is not None, done.stdout
    return int(generated[1])


@contextlib.contextmanager
def generated_client(document: Document, folder: Path, name: str) -> Iterator[Callable[[str], ModuleType]]:
    """Generate a client of a document as a package of this name; yield what imports its modules: `load("api.books")`.

    Raises AssertionError for a part of the document of which no client can be made.
    """
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}), encoding="utf-8")
    options = ("--path", "openapi.json", "--config", "config.json", "--output-path", name, "--meta", "none")
    command = (sys.executable, "-m", "openapi_python_client", "generate", *options)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "arning" not in done.stdout, done.stdout
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield lambda module: importlib.import_module(f"{name}.{module}")
    finally:
        sys.path.remove(str(folder))
        for loaded in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[loaded]


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    while not server.started:
        assert thread.is_alive(), "the server ended before it began"
        time.sleep(0.005)
