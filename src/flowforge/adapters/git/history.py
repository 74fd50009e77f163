"""The objects a workspace's own `.git` gets: copies of the mirror's packs, or a shallow pack where those are large.

Never hard links and never alternates: a job may be root and would write to what others read
(docs/decisions/0004-objects-in-a-workspace.md).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.objects import Objects
from flowforge.errors import SourceUnavailable

_MOST_TAGS = 10_000
_PACK_FILES = (".pack", ".idx", ".rev")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`packs` are open files by name; `refs` pairs of name and id; `shallow` the text of git's file of that name."""

    packs: tuple[tuple[str, int], ...]
    refs: tuple[tuple[str, str], ...] = ()
    shallow: bytes = b""


@contextmanager
def history(objects: Objects, commit: str) -> Iterator[History]:
    """Open until the block is left, so that packs that a repack removes meanwhile can still be copied."""
    with ExitStack() as stack:
        packs = _open_packs(objects.repository, stack)
        whole = sum(os.fstat(pack).st_size for _, pack in packs)
        if whole <= objects.limits.history_bytes and _is_all_in_packs(objects.repository):
            shallow = _shallow_text(objects.repository)
            yield History(packs=packs, refs=_tags(objects), shallow=shallow)
            return
        folder = stack.enter_context(_shallow_copy(objects, commit))
        packs = _open_packs(folder, stack)
        inside = Objects(repository=folder, abort=objects.abort, limits=objects.limits)
        yield History(packs=packs, refs=_tags(inside), shallow=_shallow_text(folder))


def _open_packs(repository: Path, stack: ExitStack) -> tuple[tuple[str, int], ...]:
    """Indexes last, as git writes them: a pack counts once its index is there."""
    for _ in range(3):
        names = [
            path for path in (repository / "objects" / "pack").glob("pack-*") if path.suffix in _PACK_FILES
        ]
        try:
            opened = [(path.name, _open(path, stack)) for path in names]
        except FileNotFoundError:
            continue
        return tuple(sorted(opened, key=lambda one: (one[0].endswith(".idx"), one[0])))
    raise SourceUnavailable("the mirror's packs change too fast to be copied")


def _is_all_in_packs(repository: Path) -> bool:
    """True of a mirror, seldom of a person's own repository."""
    elsewhere = ("objects/[0-9a-f][0-9a-f]/*", "objects/info/alternates", "objects/pack/*.promisor")
    return not any(any(repository.glob(pattern)) for pattern in elsewhere)


def _open(path: Path, stack: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


def _shallow_text(repository: Path) -> bytes:
    shallow = repository / "shallow"
    return shallow.read_bytes() if shallow.exists() else b""


def _tags(objects: Objects) -> tuple[tuple[str, str], ...]:
    """For `git describe`. A mirror has none, and asking git costs as much as reading a small commit."""
    if not _has_tags(objects.repository):
        return ()
    arguments = ("for-each-ref", f"--count={_MOST_TAGS}", "--format=%(objectname) %(refname)", "refs/tags")
    with objects.running(arguments) as (_, output):
        lines = output.read().decode(errors="surrogateescape").split("\n")
    return tuple((name, target) for target, _, name in (line.partition(" ") for line in lines) if name)


def _has_tags(repository: Path) -> bool:
    """Not sure of anything but that there is none."""
    loose, packed = repository / "refs" / "tags", repository / "packed-refs"
    if not loose.is_dir() or next(loose.iterdir(), None) is not None:
        return True
    return packed.exists() and b" refs/tags/" in packed.read_bytes()


@contextmanager
def _shallow_copy(objects: Objects, commit: str) -> Iterator[Path]:
    """A bare repository with the newest commits only."""
    folder = Path(tempfile.mkdtemp(prefix=".history-", dir=objects.scratch))
    kind = "sha256" if len(commit) == 64 else "sha1"
    depth = f"--depth={objects.limits.history_depth}"
    source = f"file://{objects.repository}"
    try:
        _git(
            objects,
            ("init", "--bare", "--quiet", "--template=", f"--object-format={kind}", "--", str(folder)),
        )
        options = ("--quiet", "--no-write-fetch-head", "--update-shallow", depth, "--end-of-options")
        copy = Objects(repository=folder, abort=objects.abort, limits=objects.limits)
        _git(copy, ("fetch", *options, source, f"+{commit}:refs/flowforge/commit"))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _git(objects: Objects, arguments: Sequence[str]) -> None:
    with objects.running(arguments, protocol="file") as (process, output):
        output.read()
        if process.wait() != 0:
            objects.abort.check()
            raise SourceUnavailable(f"the history of the commit cannot be copied (git {arguments[0]})")
