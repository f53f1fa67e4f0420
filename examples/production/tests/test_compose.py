"""What the compose file says is run as it stands, but for Docker: its roles, its commands, its checks."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml  # type: ignore[import-untyped]  # it has no annotations

from tests.clusters import NEWEST, PASSWORD, USER, Cluster, binaries

HERE = Path(__file__).parents[1]
SECRETS = {
    "POSTGRES_PASSWORD": PASSWORD,
    "SHOP_OWNER_PASSWORD": "owner-1",
    "SHOP_APP_PASSWORD": "app-2",
    "SHOP_QUERIES_PASSWORD": "queries-3",
}
SERVICES = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))["services"]
pytestmark = pytest.mark.timeout(180)  # six programs are started
ADA = "t0ken"
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")


def filled(text: str) -> str:
    """Put in what Compose puts in: passwords from the environment, defaults where there are some."""
    return VARIABLE.sub(lambda found: SECRETS.get(found[1]) or found[3], text)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start a server with the settings of the service, and make its roles by its script."""
    words = SERVICES["db"]["command"]
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    cluster = Cluster(NEWEST, settings=settings)
    given = {name: filled(value) for name, value in SERVICES["db"]["environment"].items()}
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGPASSWORD": PASSWORD, "POSTGRES_USER": USER}
    path = f"{binaries(NEWEST)}:{os.environ['PATH']}"
    subprocess.run([HERE / "roles.sh"], env={**given, **place, "PATH": path}, check=True)
    yield cluster
    cluster.remove()


Environment = Callable[[str], dict[str, str]]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def environment(cluster: Cluster, tmp_path: Path) -> Environment:
    """Return the environment of a service, at the cluster's address in place of the service's name."""
    (tmp_path / "tokens").write_text(f"{ADA} ada\n\nother bob\n", encoding="utf-8")

    def of(service: str) -> dict[str, str]:
        given = {name: filled(value) for name, value in SERVICES[service]["environment"].items()}
        given["DIPTYCH_EVENTS"] = given["DIPTYCH_EVENTS"].replace("@db:5432/", f"@127.0.0.1:{cluster.port}/")
        if "SHOP_PORT" in given:
            given |= {"SHOP_HOST": "127.0.0.1", "SHOP_PORT": str(_free_port()), "SHOP_TOKENS": str(tmp_path / "tokens")}
        return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **given}

    return of


@pytest.fixture
def start(environment: Environment) -> Iterator[Start]:
    """Start the command of a service; it is ended as Docker would, and must end by itself soon."""
    running: list[subprocess.Popen[bytes]] = []

    def process(service: str, env: dict[str, str]) -> "subprocess.Popen[bytes]":
        words = SERVICES[service]["command"]
        running.append(subprocess.Popen(words, env=env, cwd=HERE, stdout=subprocess.DEVNULL))
        return running[-1]

    yield process
    for each in running:
        each.send_signal(signal.SIGTERM)
    assert {each.wait(30) for each in running} <= {0}


def test_every_service_is_one_of_ours_or_a_pinned_image_and_waits_for_what_it_needs() -> None:
    assert SERVICES["db"]["image"] == "postgres:18"
    for name, service in SERVICES.items():
        if name == "db":
            continue
        assert service["image"] == "shop"
        for other, how in service["depends_on"].items():
            assert how["condition"] in ("service_healthy", "service_completed_successfully")
            assert other in SERVICES
        assert "postgresql://" not in " ".join(service["command"])  # a password there is seen by every process


def test_the_image_has_every_file_that_its_services_run() -> None:
    text = (HERE / "Dockerfile").read_text(encoding="utf-8")

    for line in re.findall(r"(?m)^COPY (.*)$", text):
        for name in line.split()[:-1]:
            assert (HERE.parents[1] / name).exists(), name
    assert "examples/production/front.py" in text
    assert "examples/catalog/catalog.py" in text


def test_the_shop_runs_as_the_compose_file_says(environment: Environment, start: Start) -> None:
    for _ in range(2):  # a second start finds nothing to do
        subprocess.run(SERVICES["migrate"]["command"], env=environment("migrate"), cwd=HERE, check=True)
    envs = {name: environment(name) for name in ("commands", "queries", "worker")}
    for name, env in envs.items():
        start(name, env)
    for name in ("commands", "queries"):
        _until_ready(SERVICES[name]["healthcheck"]["test"], envs[name])

    laptop = {"name": "Laptop", "category": "computers", "price": "899.50", "stock": 5}
    added = _asked(envs["commands"], "/commands/AddProduct", laptop)
    listed = _asked(envs["queries"], "/queries/ListItems", after=added["position"])
    doctor = subprocess.run(
        SERVICES["doctor"]["command"] + ["--json"], env=environment("doctor"), cwd=HERE, capture_output=True, check=True
    )

    assert [item["name"] for item in listed["items"]] == ["Laptop"]
    assert not [each for each in json.loads(doctor.stdout) if each["level"] in ("warning", "error")]
    for name, path in (("queries", "/commands/AddProduct"), ("commands", "/queries/ListItems")):
        with pytest.raises(HTTPError, match=r"40[0-9]"):
            _asked(envs[name], path, laptop if name == "queries" else None)


def test_who_shows_no_token_is_not_served(environment: Environment, start: Start) -> None:
    subprocess.run(SERVICES["migrate"]["command"], env=environment("migrate"), cwd=HERE, check=True)
    env = environment("commands")
    start("worker", environment("worker"))
    start("commands", env)
    _until_ready(SERVICES["commands"]["healthcheck"]["test"], env)

    for token in ("", "guess"):
        with pytest.raises(HTTPError, match=r"40[13]"):
            _asked(env, "/commands/AddProduct", {}, token=token)
    with pytest.raises(HTTPError, match="422"):
        _asked(env, "/commands/AddProduct", {})


def _asked(env: dict[str, str], path: str, body: Any = None, *, after: int = 0, token: str = ADA) -> Any:
    headers = {"Authorization": f"Bearer {token}"} | (
        {"Diptych-After": str(after), "Prefer": "wait=20"} if after else {}
    )
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"http://127.0.0.1:{env['SHOP_PORT']}{path}", data, headers), timeout=30) as answer:
        return json.load(answer)


def _until_ready(check: list[str], env: dict[str, str]) -> None:
    end = time.monotonic() + 60
    while not _is_ready(env["SHOP_PORT"]):
        assert time.monotonic() < end, "it is not ready"
        time.sleep(0.05)
    subprocess.run(check[1:], env=env, cwd=HERE, check=True)


def _is_ready(port: str) -> bool:
    with suppress(OSError):
        urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
