"""The dialects that FlowForge reads, in the order in which a repository's config is looked for."""

from pathlib import PurePosixPath

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (NATIVE, CIRCLECI)

CONFIG_PATHS: tuple[str, ...] = tuple(glob for dialect in DIALECTS for glob in dialect.globs)
"""Where a repository may have its config; the first that exists counts."""

LATER_PATHS = (".gitlab-ci.yml", "bitbucket-pipelines.yml")
LATER_FOLDERS = (".github/workflows",)
"""Configs of other systems, files and folders of files, which are recognised and cannot be read yet."""


def dialect_of(path: str) -> Dialect:
    """The one that reads a file at this path, whatever folder the repository is in; native where none claims it."""
    place = PurePosixPath(path)
    return next((each for each in DIALECTS if any(place.match(glob) for glob in each.globs)), NATIVE)


def dialect_named(name: str) -> Dialect | None:
    return next((each for each in DIALECTS if each.name == name), None)
