"""Which paths a commit changed since it parted from another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.command import Git
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.limits import GitLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A commit in its mirror, and the `base` in the mirror of the repository where that one is at home."""

    mirror: Path
    home: Path
    base: str
    commit: str

    @property
    def environment(self) -> dict[str, str]:
        """Where the two are apart, the objects of both can be read, and nothing is copied."""
        environment = sealed_environment(self.mirror)
        if self.home == self.mirror:
            return environment
        return environment | {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self.home / "objects")}


def _quoted(path: Path) -> str:
    """As one entry of a list that is separated by colons."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


async def changed_paths(git: Git, pair: Pair, limits: GitLimits) -> Sequence[str] | None:
    """Both commits were fetched. None where they share no history, or where more changed than is worth listing. A
    path that is not UTF-8 has its odd bytes as surrogates. A renamed file counts under both names."""
    environment = pair.environment

    async def ask(*arguments: str, most: int) -> bytes | None:
        result = await git.run(arguments, environment, seconds=limits.read_seconds, most=most)
        return None if result.code != 0 or result.cut else result.output

    fork = await ask("merge-base", "--end-of-options", pair.base, pair.commit, most=1 << 10)
    if fork is None:
        return None
    options = ("-r", "-z", "--name-only", "--no-renames", "--no-commit-id", "--end-of-options")
    listed = await ask("diff-tree", *options, fork.decode().strip(), pair.commit, most=limits.list_bytes)
    if listed is None:
        return None
    return tuple(path.decode(errors="surrogateescape") for path in listed.split(b"\0") if path)
