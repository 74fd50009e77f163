"""What a field of a webhook may hold: closed grammars, shared by all forges. Each answers None for a text that will not do."""

import re
from collections.abc import Callable
from functools import lru_cache

from flowforge.model.origin import Origin

Check = Callable[[str], str | None]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{12,64}")
_NAME_PART = r"(?!\.{1,2}(?:/|\Z))(?!-)[A-Za-z0-9_.-]{1,255}"
_FULL_NAME = re.compile(rf"{_NAME_PART}/{_NAME_PART}")
_NESTED_NAME = re.compile(rf"{_NAME_PART}(?:/{_NAME_PART}){{1,20}}")
_URL_TEXT = re.compile(r"https?://[!-~]{1,1000}")
_PATH_PART = r"(?:[A-Za-z0-9._~+@:,-]|%20)+"
_PATH = re.compile(rf"{_PATH_PART}(?:/{_PATH_PART}){{0,40}}")
_REF_NAME = re.compile(
    r"(?![./-])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|\Z)))[^\x00-\x20\x7f~^:?*\[\\]{1,500}(?<![./])"
)
_UUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_DELIVERY = re.compile(r"[A-Za-z0-9{}_.:=+/-]{1,100}")
_SKIP = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)


def whole(pattern: re.Pattern[str]) -> Check:
    return lambda text: text if pattern.fullmatch(text) else None


commit = whole(_COMMIT)
short_commit = whole(_SHORT_COMMIT)
"""Bitbucket shortens the commits of a pull request to twelve digits."""
full_name = whole(_FULL_NAME)
nested_name = whole(_NESTED_NAME)
uuid = whole(_UUID)


def branch(text: str) -> str | None:
    """A branch's or tag's name without its folder; none may look like an option."""
    return text if _REF_NAME.fullmatch(text) and _encodes(text) else None


def ref(text: str) -> str | None:
    """A full name: nothing else can tell a branch from a tag that bears its name."""
    for folder in ("refs/heads/", "refs/tags/"):
        if text.startswith(folder):
            return text if branch(text[len(folder) :]) else None
    return None


def any_ref(text: str) -> str | None:
    """A full name in any folder, as of pull requests too."""
    if text.startswith(("refs/heads/", "refs/tags/")):
        return ref(text)
    name = text.removeprefix("refs/")
    return text if name != text and "/" in name and branch(name) else None


def clone_address(text: str) -> str | None:
    """An http address with the path of a repository, which leads nowhere else on its server."""
    parts = text.split("/", 3)
    sound = web_address(text) and len(parts) > 3 and _PATH.fullmatch(parts[3].removesuffix("/"))
    return text if sound and not {".", ".."} & set(parts[3].split("/")) else None


def web_address(text: str) -> str | None:
    """An http address that names no user."""
    return text if _URL_TEXT.fullmatch(text) and "@" not in text.split("/", 3)[2] else None


def origin(text: str) -> Origin | None:
    return _origin_of("/".join(text.split("/", 3)[:3])) if web_address(text) else None


@lru_cache(maxsize=512)
def _origin_of(address: str) -> Origin | None:
    """The same few servers send everything."""
    return Origin.of(address)


def delivery_id(text: str) -> str:
    """Empty for a text that names nothing."""
    return text if _DELIVERY.fullmatch(text) else ""


def asks_to_skip(message: str) -> bool:
    return _SKIP.search(message) is not None


def is_nothing(commit: str) -> bool:
    """Forges write a ref that is not there as zeros."""
    return not commit.strip("0")


def _encodes(text: str) -> bool:
    """JSON may smuggle half a surrogate pair, which no file, row or process takes."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
