"""What `git ls-tree -z -l` says, as values."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class EntryKind(Enum):
    FILE = "100644"
    EXECUTABLE = "100755"
    LINK = "120000"
    SUBMODULE = "160000"
    FOLDER = "040000"


_KINDS = {kind.value.encode(): kind for kind in EntryKind} | {b"100664": EntryKind.FILE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`size` is 0 for what has none."""

    kind: EntryKind
    id: str
    size: int
    path: bytes


def entries(listing: bytes) -> Iterator[Entry]:
    for line in listing.split(b"\0"):
        if line:
            facts, _, path = line.partition(b"\t")
            mode, _, name, size = facts.split()
            yield Entry(
                kind=_KINDS.get(mode, EntryKind.FILE),
                id=name.decode("ascii"),
                size=0 if size == b"-" else int(size),
                path=path,
            )
