"""`diptych worker` folds and reacts without HTTP; `diptych serve --only` serves one side."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.test_program import first_line

FOLD = "row.owner, row.amount + event.amount"
Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., Any]
SUBSCRIBING = """
from diptych import Subscriber

clerk = Subscriber("clerk")


@clerk.on
def noted(event: Opened) -> None:
    pass


def app() -> Application:
    return Application(accounts, listing, clerk, events="sqlite:///bank.db")
"""


def asked(url: str, *, after: int | None = None, body: bytes | None = None) -> tuple[int, Any]:
    headers = {} if after is None else {"Diptych-After": str(after)}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 (our own server)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (the same)
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def served(process: subprocess.Popen[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(first_line(process))
    return found


def test_a_worker_says_what_it_owns_and_ends_with_status_0(start: Start) -> None:
    worker = start("worker", "--json")

    told = json.loads(first_line(worker))
    worker.send_signal(signal.SIGTERM)

    assert told == {"projections": ["listing"], "subscribers": [], "fenced": 0}
    assert worker.wait(20) == 0


def test_a_worker_can_be_told_what_to_do(start: Start, folder: Path) -> None:
    with (folder / "bank.py").open("a", encoding="utf-8") as source:
        source.write(SUBSCRIBING)
    folding = start("worker", "--json", "--projections", "listing")
    reacting = start("worker", "--json", "--subscribers", "clerk")

    assert json.loads(first_line(folding)) == {"projections": ["listing"], "subscribers": [], "fenced": 0}
    assert json.loads(first_line(reacting)) == {"projections": [], "subscribers": ["clerk"], "fenced": 0}


def test_a_projection_that_is_not_there_is_told(run: Run) -> None:
    result = run("worker", "--projections", "lisitng")

    assert result.exit_code == 1
    assert "projections of the application name 'lisitng'" in result.stderr
    assert "there are: listing" in result.stderr


def test_commands_and_queries_are_served_by_different_processes(start: Start, run: Run) -> None:
    worker = start("worker", "--json")
    first_line(worker)
    left = served(start("serve", "--only", "commands", "--port", "0", "--json"))
    right = served(start("serve", "--only", "queries", "--port", "0", "--json"))
    opening = b'{"account": "A1", "owner": "Ada"}'

    status, sent = asked(f"{left['address']}/commands/Open", body=opening)
    found = asked(f"{right['address']}/queries/GetAccount?account=A1", after=sent["position"])

    assert (left["only"], right["only"], status) == ("commands", "queries", 200)
    assert found == (200, {"account": "A1", "owner": "Ada", "amount": "0.00"})
    for refused in (
        asked(f"{right['address']}/commands/Open", body=opening),
        asked(f"{left['address']}/queries/GetAccount?account=A1"),
    ):
        assert refused[0] == 404
        assert refused[1]["type"] == "/problems/elsewhere"
        assert "is served by another: one that runs `diptych serve`" in refused[1]["detail"]
    for each in (left, right):
        status, ready = asked(f"{each['address']}/health/ready")
        assert (status, ready["projections"]["listing"]["folded_by"]) == (200, "another process")
    assert run("ask", "GetAccount", "--account", "A1").exit_code == 0


def test_a_dry_run_waits_for_rows_that_another_process_folds(start: Start) -> None:
    first_line(start("worker", "--json"))
    left = served(start("serve", "--only", "commands", "--port", "0", "--json"))

    status, tried = asked(f"{left['address']}/commands/Open?dry_run=true", body=b'{"account": "A1", "owner": "Ada"}')

    assert status == 200, tried


def test_who_serves_queries_alone_makes_no_file(run: Run, folder: Path) -> None:
    before = set(folder.iterdir())

    result = run("serve", "--only", "queries")

    assert result.exit_code == 1
    assert "there is no log at" in result.stderr
    assert "first start one that writes, `diptych serve` or `diptych worker`" in result.stderr
    assert set(folder.iterdir()) - before <= {folder / "__pycache__"}


def test_the_environment_may_say_what_is_served(run: Run, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("DIPTYCH_ONLY", "both")

    assert run("serve").stderr == "Error: DIPTYCH_ONLY is 'both'; wanted commands or queries\n"


def test_a_worker_whose_folds_changed_under_the_same_version_ends_with_status_1(start: Start, folder: Path) -> None:
    worker = start("worker", "--json")
    first_line(worker)
    worker.terminate()
    assert worker.wait(20) == 0
    source = (folder / "bank.py").read_text(encoding="utf-8")
    assert source.count(FOLD) == 1
    (folder / "bank.py").write_text(source.replace(FOLD, f"{FOLD} + 1 - 1"), encoding="utf-8")

    changed = start("worker", "--json")

    assert changed.wait(20) == 1
    assert changed.stderr is not None
    assert "the folds or rows of projection 'listing' changed" in changed.stderr.read()
