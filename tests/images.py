"""Real images of odd kinds, made from this machine's own programs, so that no registry is needed.

Each is called `flowforge-test/<kind>`: `busybox`, `dash` (no other shell), `bash`, `user-name` and `user-number` (not root),
`no-shell`, and as services `web` (listens on 8080) and `checked` (has a health check).
"""

import http.client
import io
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlencode

from tests.needs import ENGINE_SOCKET

APPLETS = (
    "basename cat chmod chown cut dd df du env expr false find grep head hostname id kill ln ls mkdir mkfifo mktemp mount "
    "mv od printf ps pwd readlink rm rmdir sed seq setsid sha256sum sleep sort stat tail tee touch tr true uname wc yes"
)
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235:app:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1235:\nextra:x:1300:app\nother:x:1301:\n"


class EngineConnection(http.client.HTTPConnection):
    def __init__(self, host: str, engine: Path = ENGINE_SOCKET) -> None:
        super().__init__(host)
        self._engine = engine

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._engine))


class _Root:
    """A root file system that grows in memory."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w")  # noqa: SIM115 - closed by `close`
        for folder in ("bin", "etc", "root", "home", "tmp", "home/app"):
            self._folder(folder, 0o1777 if folder == "tmp" else 0o755)

    def _folder(self, path: str, mode: int) -> None:
        member = tarfile.TarInfo(path)
        member.type, member.mode = tarfile.DIRTYPE, mode
        if path == "home/app":
            member.uid, member.gid = 1234, 1235
        self._tar.addfile(member)

    def text(self, path: str, text: str) -> None:
        member = tarfile.TarInfo(path)
        member.size, member.mode = len(text.encode()), 0o644
        self._tar.addfile(member, io.BytesIO(text.encode()))

    def program(self, source: Path, path: str) -> None:
        """With the libraries that it asks for."""
        content = source.read_bytes()
        member = tarfile.TarInfo(path)
        member.size, member.mode = len(content), 0o755
        self._tar.addfile(member, io.BytesIO(content))
        for library in _libraries(source):
            self._tar.add(library.resolve(), str(library).lstrip("/"))

    def links(self, names: Iterable[str], target: str) -> None:
        for name in names:
            member = tarfile.TarInfo(f"bin/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            self._tar.addfile(member)

    def close(self) -> bytes:
        self._tar.close()
        return self._bytes.getvalue()


def _libraries(program: Path) -> list[Path]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    words = listed.stdout.split() if listed.returncode == 0 else []
    return [Path(word) for word in words if word.startswith("/")]


def _which(name: str) -> Path:
    found = shutil.which(name)
    assert found, name
    return Path(found).resolve()


def _tools(*shells: str) -> _Root:
    root = _Root()
    root.program(_which("busybox"), "bin/busybox")
    root.links((*APPLETS.split(), *shells), "busybox")
    root.text("etc/passwd", PASSWD)
    root.text("etc/group", GROUP)
    return root


def _with_program(name: str, path: str) -> _Root:
    root = _tools()
    root.program(_which(name), path)
    return root


def _bash() -> _Root:
    root = _with_program("bash", "bin/bash")
    root.links(["sh"], "bash")
    return root


def _no_shell() -> _Root:
    root = _Root()
    root.program(_which("busybox"), "bin/true")
    return root


# Says that it is well after a while only.
WARM_UP = 'CMD ["/bin/sh", "-c", "sleep 0.3; touch /ready; echo ready; exec sleep 600"]'

KINDS: dict[str, tuple[Callable[[], _Root], tuple[str, ...]]] = {
    "busybox": (lambda: _tools("sh", "ash"), ()),
    "dash": (lambda: _with_program("dash", "bin/sh"), ()),
    "bash": (_bash, ("ENV FROM_IMAGE=yes",)),
    "user-name": (lambda: _tools("sh", "ash"), ("USER app",)),
    "user-number": (lambda: _tools("sh", "ash"), ("USER 4321:4322",)),
    "user-unknown": (lambda: _tools("sh", "ash"), ("USER nobody-here",)),
    "no-shell": (_no_shell, ()),
    "web": (
        lambda: _tools("sh", "ash"),
        ("EXPOSE 8080", 'CMD ["/bin/busybox", "httpd", "-f", "-p", "8080"]'),
    ),
    "checked": (lambda: _tools("sh", "ash"), ("HEALTHCHECK --interval=30s CMD test -e /ready", WARM_UP)),
}


def image(kind: str, engine: Path = ENGINE_SOCKET) -> str:
    """The name of an image of this kind, which is made if it is not there."""
    name = f"flowforge-test/{kind}"
    status, _ = _ask(engine, "GET", f"/images/{name}:latest/json")
    if status == 404:
        make, changes = KINDS[kind]
        query = urlencode(
            [("fromSrc", "-"), ("repo", name), ("tag", "latest"), *(("changes", c) for c in changes)]
        )
        status, answer = _ask(engine, "POST", f"/images/create?{query}", make().close())
        assert status == 200, answer
    return name


def _ask(engine: Path, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = EngineConnection("engine", engine)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
