"""Which paths a repository may put into a workspace.

The disguises of `.git` are those that git itself guards against: HFS+ drops some code points from names, NTFS drops
trailing dots and spaces and knows `GIT~1` and `::$INDEX_ALLOCATION`.
"""

import re

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DOT_GIT = re.compile(r"(?:\.git|git~[0-9]+)[ .]*(?::.*)?", re.IGNORECASE)
_DEEPEST = 256
_LONGEST_NAME = 255


def why_refused(path: bytes) -> str:
    """Empty for a path that may be written."""
    parts = path.split(b"/")
    if len(parts) > _DEEPEST:
        return "is nested too deep"
    if _CONTROL.search(path):
        return "holds a control character"
    for part in parts:
        if part in (b"", b".", b".."):
            return "does not stay in its folder"
        if len(part) > _LONGEST_NAME:
            return "holds a name that is too long"
        if _is_dot_git(part):
            return "names git's own folder"
    return ""


def _is_dot_git(part: bytes) -> bool:
    """Between backslashes too, which separate folders where a workspace is shared with Windows."""
    if b"git" not in part.lower() and part.isascii():
        return False
    text = _IGNORED_BY_HFS.sub("", part.decode(errors="replace"))
    return any(_DOT_GIT.fullmatch(piece) for piece in text.split("\\"))
