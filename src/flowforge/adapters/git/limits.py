"""How much of a repository is taken in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLimits:
    """`fetch_bytes` bounds what one fetch adds to a mirror. A workspace's history is whole up to `history_bytes`,
    beyond that it holds the newest `history_depth` commits."""

    fetch_seconds: float = 600
    fetch_bytes: int = 4 << 30
    read_seconds: float = 30
    read_bytes: int = 1 << 20
    list_bytes: int = 4 << 20
    place_seconds: float = 300
    place_entries: int = 200_000
    place_bytes: int = 4 << 30
    history_bytes: int = 32 << 20
    history_depth: int = 50
