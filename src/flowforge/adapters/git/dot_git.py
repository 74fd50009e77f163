"""Writes a workspace's `.git`: no remote, no credential, HEAD at the commit, an index that matches what was written."""

from collections.abc import Sequence

from flowforge.adapters.git.folder import Folder
from flowforge.adapters.git.history import History
from flowforge.adapters.git.index_file import Tracked, index_bytes
from flowforge.adapters.git.revision import branch_of

_CONFIG = "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
_WIDE_IDS = "[extensions]\n\tobjectformat = sha256\n"


def write_dot_git(
    folder: Folder, history: History, commit: str, ref: str, tracked: Sequence[Tracked]
) -> None:
    folder.remove(b".git")
    wide = len(commit) == 64
    config = _CONFIG.format(version=1 if wide else 0) + (_WIDE_IDS if wide else "")
    refs = dict(history.refs)
    if branch_of(ref):
        refs[ref] = commit
    files = {
        b"HEAD": f"{commit}\n".encode(),
        b"config": config.encode(),
        b"packed-refs": _packed(refs),
        b"shallow": history.shallow,
    }
    folder.folder(b".git/refs/heads")
    folder.folder(b".git/objects/pack")
    for name, descriptor in history.packs:
        folder.copy(b".git/objects/pack/" + name.encode(), 0o444, descriptor)
    for path, content in files.items():
        if content:
            folder.file(b".git/" + path, 0o644, (content,))
    folder.file(b".git/index", 0o644, (index_bytes(tracked),))


def _packed(refs: dict[str, str]) -> bytes:
    lines = (f"{refs[name]} {name}\n" for name in sorted(refs))
    return "".join(lines).encode(errors="surrogateescape")
