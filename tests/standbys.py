"""Backups and standbys of a cluster of the tests, made by pg_basebackup."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.clusters import PASSWORD, USER, Cluster, binaries


def base_backup(cluster: Cluster, *options: str) -> Path:
    """Take a backup of a running cluster into a new folder, from which a `Cluster` can be started."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-backup-"))
    address = f"host=127.0.0.1 port={cluster.port} user={USER} password='{PASSWORD}'"
    words = ["-D", str(folder / "data"), "-d", address, "-X", "stream", "-c", "fast", "--no-sync", *options]
    done = subprocess.run(
        [binaries(cluster.version) / "pg_basebackup", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if os.geteuid() == 0:
        owner = cluster.data.stat().st_uid
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, pwd.getpwuid(owner).pw_gid)
    return folder


def standby(cluster: Cluster, *, name: str = "standby") -> Cluster:
    """Start a standby that follows a cluster, known to it by its name."""
    folder = base_backup(cluster, "-R")
    address = f"host=127.0.0.1 port={cluster.port} user={USER} password=''{PASSWORD}'' application_name={name}"
    with (folder / "data" / "postgresql.auto.conf").open("a") as conf:
        conf.write(f"primary_conninfo = '{address}'\n")
    return Cluster(cluster.version, folder=folder)


def removed(folder: Path) -> None:
    """Remove a backup that nothing runs on."""
    shutil.rmtree(folder, ignore_errors=True)
