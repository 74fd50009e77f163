"""Makes repositories for tests, the kind that git refuses to make too."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Some One",
    "GIT_AUTHOR_EMAIL": "some@one.example",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "Some One",
    "GIT_COMMITTER_EMAIL": "some@one.example",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", **variables: str) -> str:
    found = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | _QUIET | variables,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr.decode()
    return found.stdout.decode(errors="surrogateescape").strip()


@dataclass(frozen=True)
class Link:
    target: bytes


@dataclass(frozen=True)
class Executable:
    content: bytes


@dataclass(frozen=True)
class Submodule:
    commit: str = "c" * 40


File = bytes | Link | Executable | Submodule
_MODES = {bytes: "100644", Link: "120000", Executable: "100755", Submodule: "160000"}


class Forge:
    """A bare repository that is written object by object, with no check of names or shapes."""

    def __init__(self, path: Path, object_format: str = "sha1") -> None:
        self.path = path
        git(path.parent, "init", "-q", "--bare", "-b", "main", f"--object-format={object_format}", str(path))

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, files: Mapping[str, File], ref: str = "refs/heads/main", parent: str = "") -> str:
        return self.commit_tree(self.tree(files), ref, parent)

    def commit_tree(self, tree: str, ref: str = "refs/heads/main", parent: str = "") -> str:
        parents = ("-p", parent) if parent else ()
        commit = git(self.path, "commit-tree", tree, *parents, "-m", f"A commit\n\non {ref}")
        git(self.path, "update-ref", ref, commit)
        return commit

    def tree(self, files: Mapping[str, File]) -> str:
        """Of paths with folders, by git's own sorting."""
        folders: dict[str, dict[str, File]] = {}
        entries: list[tuple[str, bytes, str]] = []
        for path, file in files.items():
            first, _, rest = path.partition("/")
            if rest:
                folders.setdefault(first, {})[rest] = file
            else:
                entries.append((_MODES[type(file)], os.fsencode(path), self.object(file)))
        entries += [("40000", os.fsencode(name), self.tree(inside)) for name, inside in folders.items()]
        return self.raw_tree(sorted(entries, key=lambda one: one[1] + b"/" * (one[0] == "40000")))

    def raw_tree(self, entries: Sequence[tuple[str, bytes, str]]) -> str:
        """Mode, name and id of each entry, whatever they are."""
        body = b"".join(
            f"{mode} ".encode() + name + b"\0" + bytes.fromhex(target) for mode, name, target in entries
        )
        return git(self.path, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=body)

    def object(self, file: File) -> str:
        if isinstance(file, Submodule):
            return file.commit
        content = file if isinstance(file, bytes) else file.target if isinstance(file, Link) else file.content
        return git(self.path, "hash-object", "-w", "--stdin", stdin=content)

    def tag(self, name: str, commit: str) -> str:
        git(self.path, "tag", "-a", name, "-m", name, commit)
        return git(self.path, "rev-parse", name)
