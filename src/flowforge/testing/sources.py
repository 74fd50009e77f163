"""Fakes of the ports `Sources` and `SourcePacks`."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from flowforge.errors import SourceUnavailable
from flowforge.model.source import Source


class FakeSources:
    """`trees` maps an origin to its files by path. Trusts what it is given: nothing here is hostile."""

    def __init__(self, trees: Mapping[str, Mapping[str, bytes]]) -> None:
        self.trees = dict(trees)
        self.placed: list[tuple[Source, Path]] = []

    async def place(self, source: Source, into: Path) -> str:
        files = self.trees.get(source.origin)
        if files is None:
            raise SourceUnavailable(f"there is no source {source.origin}", final=True)
        for path, content in files.items():
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self.placed.append((source, into))
        return f"{len(files)} files"


class FakePacks:
    """`streams` maps an origin to what is sent of it."""

    def __init__(self, streams: Mapping[str, tuple[bytes, ...]] | None = None) -> None:
        self.streams = dict(streams or {})

    async def read(self, source: Source) -> AsyncIterator[bytes]:
        if source.origin not in self.streams:
            raise SourceUnavailable(f"there is no source {source.origin}", final=True)
        for chunk in self.streams[source.origin]:
            yield chunk
