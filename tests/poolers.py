"""PgBouncer before a cluster of the tests, as an unprivileged user, gone with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal

from tests.clusters import PASSWORD, USER, Cluster

PROGRAM = Path("/usr/sbin/pgbouncer")
Lends = Literal["session", "transaction"]
_READY = 10.0


class Pooler:
    """A running PgBouncer that lends up to `most` sessions for a session or a transaction of its clients."""

    def __init__(self, cluster: Cluster, lends: Lends, *, most: int = 60) -> None:
        assert PROGRAM.exists(), f"PgBouncer is missing: there is no {PROGRAM} (see .ci/run)"
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="diptych-pooler-")), _free_port()
        self._write(cluster, lends, most)
        self._process = subprocess.Popen(
            [PROGRAM, self.folder / "pgbouncer.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=_user() if os.geteuid() == 0 else None,
        )
        self._wait()

    def url(self, database: str) -> str:
        """Return the URL of a database behind the pooler."""
        return f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def remove(self) -> None:
        """Stop it and remove its files."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_READY)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, cluster: Cluster, lends: Lends, most: int) -> None:
        users, ini = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        ini.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port} user={USER} password='{PASSWORD}'\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = {lends}\nmax_client_conn = 100\n"
            f"default_pool_size = {most}\n"
        )
        if os.geteuid() == 0:
            for path in (self.folder, users, ini):
                os.chown(path, _user(), -1)

    def _wait(self) -> None:
        end = time.monotonic() + _READY
        while True:
            assert self._process.poll() is None, "PgBouncer did not start"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < end, "PgBouncer does not answer"
                time.sleep(0.02)
            else:
                return


def _user() -> int:
    return pwd.getpwnam("nobody").pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
