"""Small commits that were placed lately, whole: the jobs of a run, and runs of one commit, read them once."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from flowforge.adapters.git.tree import Entry

MOST_BYTES = 1 << 20
MOST_ENTRIES = 2_000
MOST_COMMITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCommit:
    """`contents` in the order of `listed`; nothing for a submodule."""

    listed: Sequence[Entry]
    contents: Sequence[bytes]


def is_small(listed: Sequence[Entry]) -> bool:
    return len(listed) <= MOST_ENTRIES and sum(entry.size for entry in listed) <= MOST_BYTES


class CommitShelf:
    """For several threads. A commit's id says what is in it, so nothing here ever becomes stale."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Path, str], WholeCommit] = OrderedDict()

    def find(self, repository: Path, commit: str) -> WholeCommit | None:
        with self._lock:
            found = self._kept.get((repository, commit))
            if found is not None:
                self._kept.move_to_end((repository, commit))
            return found

    def keep(self, repository: Path, commit: str, whole: WholeCommit) -> None:
        with self._lock:
            self._kept[repository, commit] = whole
            while len(self._kept) > MOST_COMMITS:
                self._kept.popitem(last=False)
