"""What may be cloned from: a closed grammar, because git itself accepts far more than addresses."""

import re
from dataclasses import dataclass
from enum import Enum

from flowforge.errors import BadInput
from flowforge.model.origin import Origin

_USER = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?"
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~+@:,-]|%20)+)+")
_SSH = re.compile(rf"ssh://({_USER})[^@]*", re.IGNORECASE | re.ASCII)
_LONGEST = 1024


class LocalRepositories(Enum):
    """Whether folders of this machine may be cloned from: only a person's own `flowforge run` and demo ask for it."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneUrl:
    """`text` is canonical: one repository address, one text; `given` is what it was made from. `origin` is None for a
    local folder."""

    text: str
    given: str
    origin: Origin | None
    trusted: bool = False

    @property
    def protocol(self) -> str:
        return self.origin.scheme if self.origin else "file"


def parse_clone_url(text: str, trusted: frozenset[str], local: LocalRepositories) -> CloneUrl:
    """Raises `BadInput`, which repeats nothing of the text: it may hold a password."""
    if len(text) > _LONGEST:
        raise BadInput("the clone URL is too long", field="clone_url")
    if text.startswith(("/", "file:///")):
        return _local(text.removeprefix("file://"), local)
    origin = Origin.of(text)
    if origin is None:
        raise BadInput("the clone URL is not https://host/path or ssh://user@host/path", field="clone_url")
    user, path = _user(text, origin), _path(text)
    known = origin.trusted(trusted)
    if origin.scheme == "http" and not known:
        raise BadInput("plain http is only for hosts named in FLOWFORGE_TRUSTED_FORGES", field="clone_url")
    base = str(origin).replace("://", f"://{user}", 1)
    return CloneUrl(text=base + path, given=text, origin=origin, trusted=known)


def _user(text: str, origin: Origin) -> str:
    if origin.scheme != "ssh":
        if "@" in text.split("/", 3)[2]:
            raise BadInput("the clone URL must not hold a user or a password", field="clone_url")
        return ""
    match = _SSH.fullmatch("/".join(text.split("/", 3)[:3]))
    if match is None:
        raise BadInput("the clone URL's user is not one", field="clone_url")
    return match[1]


def _path(text: str) -> str:
    path = "/" + text.split("/", 3)[3].rstrip("/") if text.count("/") > 2 else ""
    if _PATH.fullmatch(path) is None or {"..", "."} & set(path.split("/")):
        raise BadInput("the clone URL's path is not a repository's", field="clone_url")
    return path


def _local(path: str, local: LocalRepositories) -> CloneUrl:
    if local is LocalRepositories.REFUSE:
        raise BadInput("folders of this machine cannot be cloned from", field="clone_url")
    if not path.startswith("/") or not path.isprintable() or {"..", "."} & set(path.split("/")):
        raise BadInput("the folder to clone is not an absolute path", field="clone_url")
    return CloneUrl(text=f"file://{path.rstrip('/')}", given=path, origin=None, trusted=True)
