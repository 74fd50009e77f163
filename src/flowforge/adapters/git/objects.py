"""Reads trees and blobs of a repository from one process each, for blocking work in a thread."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flowforge.adapters.git.entry_names import why_refused
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.tree import Entry, EntryKind, entries
from flowforge.adapters.git.workers import Abort
from flowforge.errors import BadInput, Bug, SourceUnavailable

_CHUNK = 1 << 20
_LISTING_BYTES_EACH = 512
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """`repository` is a git directory that nobody hostile writes to; `scratch` a folder for what is needed meanwhile,
    the machine's own for such things where there is none."""

    repository: Path
    abort: Abort
    limits: GitLimits
    scratch: Path | None = None

    def listing(self, commit: str) -> Sequence[Entry]:
        """Everything of a commit but its folders, sound and within the quota; raises `SourceUnavailable`, or
        `BadInput` for a name that no workspace may have, before anything of it was read. Folders are listed and
        counted all the same: trees of empty trees grow without a file."""
        found = [e for e in entries(self._listed(commit)) if e.kind is not EntryKind.FOLDER]
        if sum(entry.size for entry in found) > self.limits.place_bytes:
            raise SourceUnavailable(
                f"quota: the commit's files are larger than {self.limits.place_bytes} bytes", final=True
            )
        for entry in found:
            if why := why_refused(entry.path):
                raise BadInput(f"the path {_shown(entry.path)} {why}")
        return found

    def _listed(self, commit: str) -> bytes:
        arguments = ("ls-tree", "-r", "-t", "-z", "-l", "--full-tree", "--end-of-options", commit)
        kept, count = [], 0
        most = self.limits.place_entries
        with self.running(arguments) as (process, output):
            while chunk := output.read(_CHUNK):
                self.abort.check()
                kept.append(chunk)
                count += chunk.count(b"\0")
                if count > most or len(kept) * _CHUNK > most * _LISTING_BYTES_EACH + _CHUNK:
                    raise SourceUnavailable(f"quota: the commit has more than {most} entries", final=True)
            if process.wait() != 0:
                self.abort.check()
                raise SourceUnavailable(f"the files of {commit} cannot be listed")
        return b"".join(kept)

    @contextmanager
    def blobs(self, wanted: Sequence[Entry]) -> Iterator["Blobs"]:
        """Their contents, to be taken in the same order."""
        with _in_memory("".join(f"{entry.id}\n" for entry in wanted).encode()) as names:
            arguments = ("cat-file", "--batch", "--buffer")
            with self.running(arguments, stdin=names) as (_, output):
                yield Blobs(output, self.abort)

    @contextmanager
    def running(
        self, arguments: Sequence[str], *, stdin: int = subprocess.DEVNULL, protocol: str = ""
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        process = subprocess.Popen(
            ("git", *arguments),
            env=sealed_environment(self.repository, protocol=protocol), cwd="/", start_new_session=True, bufsize=_CHUNK,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with self.abort.guarding(process):
            if process.stdout is None:
                raise Bug("a git process was started without pipes")
            yield process, process.stdout


class Blobs:
    def __init__(self, output: IO[bytes], abort: Abort) -> None:
        self._output = output
        self._abort = abort

    def take(self, entry: Entry) -> Iterator[bytes]:
        """Chunks of the next blob; to be read to the end before the next is taken."""
        facts = self._output.readline().split()
        if len(facts) != 3 or facts[1] != b"blob" or int(facts[2]) != entry.size:
            self._abort.check()
            raise SourceUnavailable(f"the content of {os.fsdecode(entry.path)!a} cannot be read")
        left = entry.size
        while left:
            chunk = self._output.read(min(left, _CHUNK))
            if not chunk:
                self._abort.check()
                raise SourceUnavailable(f"the content of {os.fsdecode(entry.path)!a} ends early")
            left -= len(chunk)
            yield chunk
        self._output.read(1)


def _shown(path: bytes) -> str:
    text = ascii(os.fsdecode(path))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    """A file rather than a pipe: neither side can wait for the other."""
    descriptor = os.memfd_create("names", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
