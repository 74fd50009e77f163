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
_NO_SIZES = {b"-": 0, b"BAD": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`size` is 0 for what has none, and -1 where the object is missing."""

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
                size=_NO_SIZES[size] if size in _NO_SIZES else int(size),
                path=path,
            )
