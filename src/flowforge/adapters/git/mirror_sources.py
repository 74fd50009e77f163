"""The port `Sources` on mirrors: fetch what is missing, then place it."""

from pathlib import Path

from flowforge.adapters.git.commit_shelf import CommitShelf
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirrors import GitMirrors
from flowforge.adapters.git.objects import Objects
from flowforge.adapters.git.place import Commit, place_commit
from flowforge.adapters.git.workers import Abort, Workers
from flowforge.errors import BadInput, SourceUnavailable
from flowforge.model.source import Source


class MirrorSources:
    """`at_once` bounds how many workspaces are filled at the same time."""

    def __init__(self, mirrors: GitMirrors, limits: GitLimits | None = None, *, at_once: int = 4) -> None:
        self._mirrors = mirrors
        self._limits = limits or GitLimits()
        self._workers = Workers(at_once)
        self._shelf = CommitShelf()

    async def place(self, source: Source, into: Path) -> str:
        try:
            commit = await self._mirrors.fetch(source.origin, source.commit, source.ref)
            repository = self._mirrors.repository(source.origin)
        except BadInput as error:
            raise SourceUnavailable(error.message, final=True) from error

        def work(abort: Abort) -> str:
            objects = Objects(
                repository=repository, abort=abort, limits=self._limits, scratch=repository.parent
            )
            return place_commit(Commit(objects=objects, commit=commit, ref=source.ref), into, self._shelf)

        return await self._workers.run(work, self._limits.place_seconds)

    def close(self) -> None:
        self._workers.close()
