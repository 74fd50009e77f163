"""The dialects that FlowForge reads, in the order in which a repository's config is looked for."""

from pathlib import PurePosixPath

from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (NATIVE,)


def config_globs() -> tuple[str, ...]:
    """Where a repository may have its config; the first that exists counts."""
    return tuple(glob for dialect in DIALECTS for glob in dialect.globs)


def dialect_of(path: str) -> Dialect | None:
    """The dialect that reads a file at this path, whatever folder the repository is in."""
    place = PurePosixPath(path)
    return next((each for each in DIALECTS if any(place.match(glob) for glob in each.globs)), None)


def dialect_named(name: str) -> Dialect | None:
    return next((each for each in DIALECTS if each.name == name), None)
