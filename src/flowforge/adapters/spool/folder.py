"""A spool as a folder: one small file an attempt."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from flowforge.errors import Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease

_SUFFIX = ".json"
_TEMPORARY = ".new"
_LARGEST = 1024 * 1024
_SOUGHT = "sought"
_LONGEST_TOKEN = 128
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Memory:
    """`token` is empty where only a note is known."""

    token: str = ""
    note: str = ""


class FolderSpool:
    """Implements `Spool`. The folder belongs to one runner at a time.

    Every change is one rename, so a killed process leaves the old content or the new. It is not synced to the disk: a
    machine that lost power has lost its rooms as well, and a file torn by that is set aside in `unreadable/`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._sought = ""
        self._memories = self._load()

    def seek(self, token: str) -> None:
        self._write(_SOUGHT, token)
        self._sought = token

    def sought(self) -> str:
        return self._sought

    def hold(self, lease: Lease, note: str) -> None:
        self._save(lease.attempt, _Memory(token=lease.token, note=note))

    def held(self) -> Sequence[Lease]:
        return [
            Lease(attempt=key, token=memory.token)
            for key, memory in sorted(self._memories.items(), key=lambda item: item[0])
            if memory.token
        ]

    def note(self, key: AttemptKey, text: str) -> None:
        self._save(key, replace(self._recall(key), note=text))

    def noted(self, key: AttemptKey) -> str:
        return self._recall(key).note

    def drop(self, key: AttemptKey) -> None:
        self._memories.pop(key, None)
        self._path(key).unlink(missing_ok=True)

    def _recall(self, key: AttemptKey) -> _Memory:
        return self._memories.get(key, _Memory())

    def _path(self, key: AttemptKey) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _save(self, key: AttemptKey, memory: _Memory) -> None:
        self._write(f"{key}{_SUFFIX}", json.dumps({"token": memory.token, "note": memory.note}))
        self._memories[key] = memory

    def _write(self, name: str, text: str) -> None:
        path = os.path.join(self._folder, name)  # noqa: PTH118  some calls a job, on the event loop: cheap ones
        temporary = path + _TEMPORARY
        try:
            try:
                fd = os.open(temporary, _NEW, 0o600)
            except FileExistsError:
                os.unlink(temporary)  # noqa: PTH108
                fd = os.open(temporary, _NEW, 0o600)
            with os.fdopen(fd, "wb", buffering=0) as file:
                file.write(text.encode())
            os.rename(temporary, path)  # noqa: PTH104
        except OSError as error:
            raise Upstream(f"cannot write to the spool folder {self._folder}: {error.strerror}") from error

    def _load(self) -> dict[AttemptKey, _Memory]:
        memories: dict[AttemptKey, _Memory] = {}
        for path in sorted(self._folder.iterdir()):
            if path.name.endswith(_TEMPORARY):
                path.unlink()
            elif path.name == _SOUGHT:
                self._sought = _read_token(path)
            elif not path.is_dir() or path.is_symlink():
                self._load_file(path, memories)
        return memories

    def _load_file(self, path: Path, memories: dict[AttemptKey, _Memory]) -> None:
        try:
            key, memory = _read(path)
        except (ValueError, OSError) as error:
            log.warning("set aside an unreadable spool file", path=str(path), error=str(error))
            aside = self._folder / "unreadable"
            aside.mkdir(mode=0o700, exist_ok=True)
            path.replace(aside / path.name)
        else:
            memories[key] = memory


def _read_token(path: Path) -> str:
    """Empty where it cannot be read: a new claim is then made under another one."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LONGEST_TOKEN:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _read(path: Path) -> tuple[AttemptKey, _Memory]:
    """Raises ValueError for what this spool did not write."""
    key = AttemptKey.parse(path.name.removesuffix(_SUFFIX))
    if path.name != f"{key}{_SUFFIX}":
        raise ValueError("not a name of ours")
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        raise ValueError("not a small regular file")
    content = json.loads(path.read_text(encoding="utf-8"))
    match content:
        case {"token": str(token), "note": str(note)}:
            return key, _Memory(token=token, note=note)
        case _:
            raise ValueError("not what this spool writes")
