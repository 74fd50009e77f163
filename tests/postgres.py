"""A throwaway PostgreSQL for one test session: its own cluster in a temporary folder, reached by a unix socket only."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

_INSTALLED = Path("/usr/lib/postgresql")
_SETTINGS = ("listen_addresses=''", "fsync=off", "deadlock_timeout=200ms", "max_connections=60")


def _binaries() -> Path | None:
    found = sorted(_INSTALLED.glob("*/bin/initdb"))
    return found[-1].parent if found else None


@dataclass(slots=True)
class Cluster:
    """`folder` holds data and socket. PostgreSQL refuses to run as root: then it runs as the user postgres."""

    folder: Path
    binaries: Path
    _names: Iterator[int] = field(default_factory=count)

    def create(self) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")

    def start(self) -> None:
        options = " ".join(
            f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={self.folder}")
        )
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """At once, as a crash would: no goodbye to the clients."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-m", "immediate", "stop")

    def database(self) -> str:
        """The URL of a new and empty one."""
        name = f"test_{next(self._names)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def address(self, database: str) -> str:
        return f"host={self.folder} user=postgres dbname={database}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, command: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / command), *arguments],
            user="postgres" if os.geteuid() == 0 else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip(f"needs postgres: no PostgreSQL server at {_INSTALLED}/*/bin (Debian package postgresql)")
    # Not pytest's own folder: the path of a socket may have 107 bytes, and the user postgres must reach it.
    cluster = Cluster(folder=Path(tempfile.mkdtemp(prefix="flowforge-pg-")), binaries=binaries)
    try:
        cluster.create()
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(cluster.folder, ignore_errors=True)
