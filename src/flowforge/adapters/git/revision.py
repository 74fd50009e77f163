"""Commits, refs and paths as git's own rules allow them, and nothing that could be read as an option."""

import re

from flowforge.errors import BadInput

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{12,39}")
_REF_COMPONENT = re.compile(r"(?!\.)(?!.*\.\.)(?!.*@\{)[^\x00-\x20\x7f~^:?*\[\\/]+(?<!\.)(?<!\.lock)")
_LONGEST = 1024


def checked_commit(text: str) -> str:
    """Empty stays empty: the tip of a ref is meant."""
    if text and _COMMIT.fullmatch(text) is None:
        raise BadInput("the commit is not 40 or 64 hexadecimal digits in lower case", field="commit")
    return text


def is_short(commit: str) -> bool:
    """The beginning of a commit's id, as Bitbucket tells those of pull requests."""
    return _SHORT_COMMIT.fullmatch(commit) is not None


def checked_ref(text: str) -> str:
    """A full name, `refs/…`; empty stays empty: the repository's HEAD is meant."""
    if not text:
        return text
    parts = text.split("/")
    sound = parts[0] == "refs" and len(parts) > 2 and len(text) <= _LONGEST
    if not sound or not all(_REF_COMPONENT.fullmatch(part) for part in parts) or not _is_text(text):
        raise BadInput("the ref is not a full ref name such as refs/heads/main", field="ref")
    return text


def checked_path(text: str) -> str:
    """Of a file or folder in a repository; empty is its root."""
    if not text:
        return text
    parts = text.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in text or len(text) > _LONGEST or not _is_text(text):
        raise BadInput("the path does not stay inside the repository", field="path")
    return text


def branch_of(ref: str) -> str:
    """Empty when the ref is not a branch."""
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
