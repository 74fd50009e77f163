"""What a test needs of the machine: `@pytest.mark.needs("docker", "git")`.

A test whose needs are not met is left out with the part's name and what to do about it; see tests/left_out.py.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ENGINE_SOCKET = Path("/var/run/docker.sock")


def _command(name: str, package: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"no command {name} (Debian package {package})"


def _docker() -> str:
    if os.environ.get("DOCKER_HOST"):
        answer = subprocess.run(["docker", "version"], capture_output=True, timeout=30, check=False)
        return "" if answer.returncode == 0 else "no engine answers at DOCKER_HOST"
    try:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.settimeout(10)
            engine.connect(str(ENGINE_SOCKET))
    except OSError as error:
        return f"no container engine answers at {ENGINE_SOCKET}: {error.strerror} (Debian package docker.io)"
    return ""


def _podman() -> str:
    """Rootful: it makes networks of its own."""
    for part in ("podman", "netavark", "unshare"):
        places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/lib/podman", "/usr/libexec/podman"))
        if shutil.which(part, path=places) is None:
            return f"no {part} (Debian packages podman, netavark and aardvark-dns)"
    return _root()


def _dockerd() -> str:
    missing = [part for part in ("dockerd", "containerd", "unshare") if shutil.which(part) is None]
    return f"no command {missing[0]} (Debian package docker.io)" if missing else _root()


def _busybox() -> str:
    path = shutil.which("busybox")
    if path is None:
        return "no busybox to make images of (Debian package busybox-static)"
    linked = subprocess.run(["ldd", path], capture_output=True, timeout=10, check=False).returncode == 0
    return f"{path} is not static (Debian package busybox-static)" if linked else ""


def _postgres() -> str:
    found = any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return "" if found else "no PostgreSQL server at /usr/lib/postgresql/*/bin (Debian package postgresql)"


def _debian() -> str:
    return "" if Path("/etc/debian_version").exists() else "not Debian, nor made from it"


def _root() -> str:
    return "" if os.geteuid() == 0 else "not root"


def _user() -> str:
    return "" if os.geteuid() != 0 else "root: the kernel refuses it nothing"


PROBES: dict[str, Callable[[], str]] = {
    "docker": _docker,
    "dockerd": _dockerd,
    "podman": _podman,
    "postgres": _postgres,
    "busybox": _busybox,
    "git": _command("git", "git"),
    "bash": _command("bash", "bash"),
    "dash": _command("dash", "dash"),
    "wrk": _command("wrk", "wrk"),
    "ip": _command("ip", "iproute2"),
    "openssl": _command("openssl", "openssl"),
    "iptables": _command("iptables", "iptables"),
    "cc": _command("cc", "build-essential"),
    "debian": _debian,
    "root": _root,
    "user": _user,
}


@cache
def missing(part: str) -> str:
    """Why this machine cannot offer the part, or an empty string. Asked once a test process."""
    return PROBES[part]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for part in marker.args:
            reason = missing(str(part))
            if reason:
                pytest.skip(f"needs {part}: {reason}")
