"""The program as a whole: help, mistakes, processes."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.cli.lazy import told as told_of
from diptych.errors import StaleError
from tests.cli.conftest import Run

Start = Callable[..., "subprocess.Popen[str]"]


def test_every_command_has_help(run: Run) -> None:
    shown = run("--help").stdout

    for name in ("dev", "serve", "send", "ask", "events", "commands", "projections", "log", "doctor"):
        assert f"\n  {name} " in shown
        assert run(name, "--help").exit_code == 0
    assert run("--version").stdout.startswith("diptych ")


def test_who_asked_too_early_is_told_who_knows_why() -> None:
    assert told_of(StaleError(4, 3)) == (
        "the read models stand at position 3, not yet at 4; ask again; where they stay there, "
        "`diptych doctor` looks for the reason"
    )


def test_help_imports_neither_a_database_nor_a_server() -> None:
    code = (
        "import sys\nfrom diptych.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('sqlalchemy', 'starlette', 'uvicorn', 'rich', 'sqlite3') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--app", "nothing:app"), "there is no module 'nothing'"),
        (("--app", "bank:nothing"), "bank:nothing: module 'bank' has no 'nothing'; wanted an Application there"),
        (("--app", "bank:number"), "bank:number is a int; wanted an Application"),
        (("--app", "bank"), "'bank'; wanted module:attribute"),
        (("--events", "x.db"), "'x.db'; wanted a URL"),
        (("--events", "sqlite:////nowhere/at/all.db"), "/nowhere/at/all.db"),
    ],
)
def test_a_mistake_is_one_sentence_without_a_traceback(run: Run, words: tuple[str, str], told: str) -> None:
    result = run("events", "list", *words)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert told in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        "events list",
        "events tail",
        "events show 1",
        "projections list",
        "projections check listing",
        "log verify",
        "commands outcome 7d444840-9dc0-11d1-b245-5ffdce74fad2",
        "doctor",
        "ask GetAccount --account A1",
    ],
)
def test_looking_at_a_log_that_is_not_there_says_so_and_makes_no_file(run: Run, folder: Path, words: str) -> None:
    before = set(folder.iterdir())

    result = run(*words.split(), "--events", "sqlite:///typo.db")

    assert result.exit_code == 1
    assert result.stderr == "Error: there is no log at sqlite:///typo.db; send, serve and dev make one\n"
    assert {path.name for path in set(folder.iterdir()) - before} <= {"__pycache__"}


def test_no_application_is_told_with_the_ways_to_name_one(run: Run, folder: Path) -> None:
    (folder / "pyproject.toml").unlink()

    result = run("events", "list")

    assert result.exit_code == 1
    assert "pass --app module:attribute, set DIPTYCH_APP, or write app" in result.stderr


def test_a_bug_in_the_module_is_told_with_its_place(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bank.py").write_text("x = 1\ny = x / 0\n", encoding="utf-8")

    result = run("events", "list")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"Error: ZeroDivisionError at {folder}/bank.py:2: division by zero")
    monkeypatch.setenv("DIPTYCH_TRACEBACK", "1")
    assert isinstance(run("events", "list").exception, ZeroDivisionError)


def test_a_slip_of_the_pen_is_told_with_its_place(run: Run, folder: Path) -> None:
    (folder / "bank.py").write_text("x = 1\ndef y(:\n", encoding="utf-8")

    assert run("events", "list").stderr == f"Error: SyntaxError at {folder}/bank.py:2: invalid syntax\n"


def test_a_function_that_wants_an_argument_is_told_as_the_mistake_that_it_is(run: Run, folder: Path) -> None:
    (folder / "bank.py").write_text("def app(url): ...\n", encoding="utf-8")

    result = run("events", "list")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: bank:app wants an argument (missing a required argument: 'url'); ")


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    assert run("sned").exit_code == 2


def test_the_environment_and_the_arguments_say_where_the_log_is(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_EVENTS", "sqlite:///environment.db")

    run("send", "Open", "--account", "A1", "--owner", "Ada")
    run("send", "Open", "--account", "A1", "--owner", "Ada", "--events", "sqlite:///argument.db")

    assert (folder / "environment.db").exists()
    assert (folder / "argument.db").exists()
    assert not (folder / "bank.db").exists()


def test_a_served_application_works_together_with_the_command_line(start: Start, run: Run) -> None:
    server = start("serve", "bank:app", "--port", "0", "--json")
    served = json.loads(first_line(server))

    sent = run("send", "Open", "--account", "A1", "--owner", "Ada")
    asked = run("ask", "GetAccount", "--account", "A1")
    answer = get(f"{served['address']}/queries/GetAccount?account=A1", after=1)
    server.send_signal(signal.SIGINT)

    assert served["commands"] == ["Open", "PayIn"]
    assert (sent.exit_code, asked.exit_code) == (0, 0), sent.output + asked.output
    assert json.loads(asked.stdout) == answer == {"account": "A1", "owner": "Ada", "amount": "0.00"}
    assert server.wait(20) == 0


def test_serve_says_what_the_application_has(start: Start) -> None:
    server = start("serve", "--port", "0")

    told = [first_line(server) for _ in range(5)]

    assert told[0].split() == ["commands", "Open,", "PayIn"]
    assert "http://127.0.0.1:" in told[4]


def test_serve_shows_a_rebuild_on_stderr(start: Start, run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")
    server = start("serve", "--port", "0", "--json")
    first_line(server)
    assert server.stderr is not None

    assert "projection 'listing': rebuilding, from position 0 to 1" in server.stderr.readline()


def test_an_address_that_others_reach_is_refused(run: Run) -> None:
    result = run("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 (that it is refused)

    assert result.exit_code == 1
    assert "principal" in result.stderr


def test_tail_follows_live_until_it_is_interrupted(start: Start, run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")
    tail = start("events", "tail", "--after", "0", "--json")
    first = json.loads(first_line(tail))

    run("send", "PayIn", "--account", "A1", "--amount", "3")
    second = json.loads(first_line(tail))
    tail.send_signal(signal.SIGINT)

    assert (first["position"], second["position"]) == (1, 2)
    assert second["data"]["amount"] == "3"
    assert tail.wait(20) == 0


def test_dev_starts_anew_when_the_code_changes(start: Start, folder: Path) -> None:
    process = start("dev", "--port", "0", "--json")
    first = json.loads(first_line(process))
    source = (folder / "bank.py").read_text(encoding="utf-8")
    (folder / "bank.py").write_text(
        source.replace("class PayIn(", "class PutIn(")
        .replace("PayIn:", "PutIn:")
        .replace("| PayIn", "| PutIn")
        .replace("case PayIn", "case PutIn")
    )
    second = json.loads(first_line(process))
    process.send_signal(signal.SIGTERM)

    assert (first["mode"], first["commands"]) == ("dev", ["Open", "PayIn"])
    assert second["commands"] == ["Open", "PutIn"]
    assert process.wait(20) == 0
    assert "bank.py changed: starting anew" in process.stderr.read()


def test_dev_outlives_a_mistake_in_the_code(start: Start, folder: Path) -> None:
    process = start("dev", "--port", "0", "--json")
    first_line(process)
    source = (folder / "bank.py").read_text(encoding="utf-8")

    (folder / "bank.py").write_text(f"{source}\n1 +\n")
    assert "changed: starting anew" in complaint(process)
    assert "SyntaxError" in complaint(process)
    (folder / "bank.py").write_text(source)

    assert json.loads(first_line(process))["mode"] == "dev"


def first_line(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a process prints; fail with what it complains of when it ends instead."""
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.stderr.read())
    return line


def complaint(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a process complains by; that a slow machine held its loop is none."""
    return next(line for line in process.stderr if "the event loop is held" not in line)


def get(url: str, *, after: int) -> Any:
    request = urllib.request.Request(url, headers={"Diptych-After": str(after)})  # noqa: S310 (our own server)
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (our own server)
        return json.load(answer)
