"""Where a workspace's files come from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One commit of one repository. `origin` is what `Sources` knows the repository by:
    a clone URL on a server, a folder in a local run (where `commit` may be the empty string: the folder as it is)."""

    origin: str
    commit: str
    ref: str = ""
