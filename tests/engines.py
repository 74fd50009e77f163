"""Container engines of a test's own: with folders, a socket and a network of machine of their own, so that no other engine
notices them. As root only."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_DEADLINE = 60.0
STOP_DEADLINE = 30.0

# Within what a machine without CAP_SYS_RESOURCE may set; runc because crun refuses hybrid cgroups.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class OwnEngine:
    """One process in a network namespace of its own, to be stopped, killed, frozen and started again."""

    def __init__(self, command: Sequence[str], socket_path: Path, env: Mapping[str, str], log: Path) -> None:
        self.socket = socket_path
        self.address = f"unix://{socket_path}"
        self._command = command
        self._env = {**os.environ, **env}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh", *self._command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_DEADLINE
        while not self._answers():
            said = self._log.read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_DEADLINE)

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as engine:
            engine.settimeout(5)
            engine.connect(str(self.socket))
            engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return engine.recv(64).startswith(b"HTTP/1")
        return False


@contextmanager
def own_podman(folder: Path) -> Iterator[OwnEngine]:
    conf = folder / "containers.conf"
    conf.write_text(CONTAINERS_CONF)
    stores = (
        "--root",
        folder / "root",
        "--runroot",
        folder / "run",
        "--network-config-dir",
        folder / "networks",
    )
    path = folder / "podman.sock"
    command = ["podman", *map(str, stores), "system", "service", "--time", "0", f"unix://{path}"]
    engine = OwnEngine(command, path, {"CONTAINERS_CONF": str(conf)}, folder / "podman.log")
    with _running(engine, folder):
        yield engine


@contextmanager
def own_dockerd(folder: Path) -> Iterator[OwnEngine]:
    """Beside a containerd of its own, as services of a machine are: jobs outlive a daemon that is killed."""
    with _own_containerd(folder) as containerd:
        yield from _own_dockerd(folder, containerd)


@contextmanager
def _own_containerd(folder: Path) -> Iterator[Path]:
    path, conf = folder / "containerd.sock", folder / "containerd.toml"
    conf.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    command = ["containerd", "--config", conf, "--root", folder / "content", "--state", folder / "state"]
    with (folder / "containerd.log").open("ab") as log:
        process = subprocess.Popen(
            [*map(str, command), "--address", str(path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_DEADLINE
        while not path.exists():
            assert process.poll() is None, (folder / "containerd.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield path
    finally:
        process.terminate()
        process.wait(STOP_DEADLINE)


def _own_dockerd(folder: Path, containerd: Path) -> Iterator[OwnEngine]:
    path = folder / "docker.sock"
    command = [
        "dockerd", f"--data-root={folder / 'root'}", f"--exec-root={folder / 'run'}", f"--pidfile={folder / 'pid'}",
        f"--host=unix://{path}", "--bridge=none", "--iptables=false", "--ip-forward=false", "--shutdown-timeout=3",
        f"--containerd={containerd}", "--containerd-namespace=test", "--containerd-plugins-namespace=test-plugins",
    ]  # fmt: skip
    engine = OwnEngine(command, path, {}, folder / "dockerd.log")
    with _running(engine, folder):
        yield engine


@contextmanager
def _running(engine: OwnEngine, folder: Path) -> Iterator[None]:
    engine.start()
    try:
        yield
    finally:
        engine.stop()
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """What an engine leaves mounted below its folders would keep them from being removed."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    mounted = [line.split()[1] for line in lines]
    for path in sorted((path for path in mounted if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", path], check=False, capture_output=True, timeout=30)
