"""Secrets that sing wherever they get out: values that stand nowhere else, looked for in all that a server leaves."""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.data.folder import DataFolder
from tests.rig import engine
from tests.rig.server import RealServer

PAGES = ("/api/v1/secrets", "/api/v1/runs", "/api/v1/projects", "/api/v1/runners", "/metrics", "/health")


def canary(name: str) -> str:
    return f"canary/{name}+{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Canaries:
    """`values` by name. Every method answers where it found one, as `place: name`."""

    values: Mapping[str, str]

    def anywhere(self, server: RealServer, *run_ids: int) -> list[str]:
        """In all that a running server keeps, shows and runs."""
        return [
            *self.in_folders(server.folder, DataFolder(server.data).rooms()),
            *self.in_engine(server),
            *self.in_processes(server),
            *self.in_answers(server, *run_ids),
        ]

    def in_folders(self, *folders: Path) -> list[str]:
        files = (path for folder in folders for path in folder.rglob("*"))
        return list(self._found((str(path), _read(path)) for path in files))

    def in_engine(self, server: RealServer) -> list[str]:
        """In what the container engine tells everybody of the server's containers."""
        instance = DataFolder(server.data).instance()
        return list(self._found(engine.inspected(f"flowforge.instance={instance}")))

    def in_processes(self, server: RealServer) -> list[str]:
        """In command lines and environments of the server and all its children. A containerised job's are not."""
        assert server.process
        found = []
        for process in _tree(server.process.pid):
            found += [(str(path), _read(path)) for path in (process / "cmdline", process / "environ")]
        return list(self._found(found))

    def in_answers(self, server: RealServer, *run_ids: int) -> list[str]:
        paths = [*PAGES, *(f"/api/v1/runs/{run_id}" for run_id in run_ids)]
        answers = [(path, server.ask("GET", path, headers=server.credentials).body) for path in paths]
        for run_id in run_ids:
            jobs = server.run(run_id)["jobs"]
            answers += [(f"log of {job['name']}", server.log(run_id, str(job["id"]))) for job in jobs]
        return list(self._found(answers))

    def _found(self, texts: Iterable[tuple[str, bytes]]) -> Iterator[str]:
        spelled = {name: _spellings(value) for name, value in self.values.items()}
        for place, text in texts:
            yield from (
                f"{place}: {name}"
                for name, spellings in spelled.items()
                if any(spelling in text for spelling in spellings)
            )


def _spellings(value: str) -> frozenset[bytes]:
    """Apart from the masker's own list, so that a mistake there is not made here too."""
    raw = value.encode()
    return frozenset(
        {
            raw,
            raw[:12] + raw[-12:],
            raw[-20:],
            raw.hex().encode(),
            raw.hex().upper().encode(),
            raw[::-1],
            *(b64encode(b"x" * before + raw)[4:-4] for before in range(3)),
        }
    )


def _read(path: Path) -> bytes:
    """Empty for what is no file, or gone again."""
    with suppress(OSError):
        if path.is_file() and not path.is_symlink():
            return path.read_bytes()
    return b""


def _tree(root: int) -> list[Path]:
    """A process and its children, theirs too."""
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            stat = (process / "stat").read_text()
            parents[int(process.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return [Path("/proc", str(process)) for process in sorted(found)]
