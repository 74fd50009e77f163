"""Which paths a commit changed since it parted from another."""

from collections.abc import Sequence

from flowforge.adapters.git.command import Git
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirror import Mirror


async def changed_paths(
    git: Git, mirror: Mirror, base: str, commit: str, limits: GitLimits
) -> Sequence[str] | None:
    """Both commits are in the mirror. None where they share no history, or where more changed than is worth listing. A
    path that is not UTF-8 has its odd bytes as surrogates. A renamed file counts under both names."""
    environment = sealed_environment(mirror.path)

    async def ask(*arguments: str, most: int) -> bytes | None:
        result = await git.run(arguments, environment, seconds=limits.read_seconds, most=most)
        return None if result.code != 0 or result.cut else result.output

    fork = await ask("merge-base", "--end-of-options", base, commit, most=1 << 10)
    if fork is None:
        return None
    options = ("-r", "-z", "--name-only", "--no-renames", "--no-commit-id", "--end-of-options")
    listed = await ask("diff-tree", *options, fork.decode().strip(), commit, most=limits.list_bytes)
    if listed is None:
        return None
    return tuple(path.decode(errors="surrogateescape") for path in listed.split(b"\0") if path)
