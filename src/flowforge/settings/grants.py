"""Reads the file in which an admin grants images more than the usual container profile."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowforge.model.grant import Grant

# What a grant may say, and as what.
TEXTS = ("entrypoint", "projects", "capabilities", "devices", "images")
FLAGS = ("privileged", "engine_socket", "new_privileges")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CAPABILITY = re.compile(r"[A-Z][A-Z_]{1,40}")
FILE_LIMIT = 1 << 20
WRITABLE_BY_ALL = 0o002


def grants(value: str, base: Path) -> tuple[Grant, ...]:
    """None for an empty path. Raises `ValueError` with every mistake of the file."""
    if not value:
        return ()
    path = (base / Path(value).expanduser()).absolute()
    found = _tables(path)
    mistakes = [mistake for at, table in enumerate(found) for mistake in _mistakes(at, table)]
    names = [table.get("name") for table in found]
    mistakes += [f"{name} is granted twice" for name in {str(n) for n in names if names.count(n) > 1}]
    if mistakes:
        raise ValueError(f"has mistakes: {'; '.join(mistakes)}")
    return tuple(_grant(table) for table in found)


def _tables(path: Path) -> list[Mapping[str, Any]]:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_LIMIT).decode("utf-8")
        open_to_all = path.stat().st_mode & WRITABLE_BY_ALL
        tree = tomllib.loads(text)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}; name a file with [[grants]] tables") from None
    except ValueError as error:
        raise ValueError(f"is not TOML: {error}; correct it there") from None
    if open_to_all:
        raise ValueError("may be written by everybody; take that right away (chmod o-w)")
    listed = tree.pop("grants", None)
    if tree or not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise ValueError("must hold [[grants]] tables and nothing else")
    return list(listed)


def _mistakes(at: int, table: Mapping[str, Any]) -> Iterator[str]:
    name = table.get("name")
    where = f"grant {name!r}" if isinstance(name, str) else f"grant number {at + 1}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{where} needs a name of letters, digits, dots and dashes"
    for key, value in table.items():
        if key not in ("name", *TEXTS, *FLAGS):
            yield f"{where} says {key}, which nothing is known of"
        elif key in FLAGS and not isinstance(value, bool):
            yield f"{where}: {key} must be true or false"
        elif key in TEXTS and not _is_texts(value):
            yield f"{where}: {key} must be a list of texts"
    if not _digests(table):
        yield f"{where} must list images by digest (sha256: and 64 hexadecimal digits): names can be made to look alike"
    if not any(table.get(key) for key in (*FLAGS, "capabilities", "devices")):
        yield f"{where} grants nothing: say {', '.join(FLAGS)}, capabilities or devices"
    yield from _odd_words(where, table)


def _odd_words(where: str, table: Mapping[str, Any]) -> Iterator[str]:
    for word in _texts(table, "capabilities"):
        if not _CAPABILITY.fullmatch(word.removeprefix("CAP_")):
            yield f"{where}: {word!r} is no capability"
    for word in _texts(table, "devices"):
        if not word.startswith("/dev/") or ".." in word:
            yield f"{where}: {word!r} is no device below /dev"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    return tuple(value) if _is_texts(value) else ()


def _digests(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Empty unless every one is a digest."""
    digests = tuple(item.rpartition("@")[2] for item in _texts(table, "images"))
    return digests if all(_DIGEST.fullmatch(digest) for digest in digests) else ()


def _grant(table: Mapping[str, Any]) -> Grant:
    return Grant(
        name=table["name"],
        images=_digests(table),
        entrypoint=_texts(table, "entrypoint"),
        projects=_texts(table, "projects"),
        privileged=table.get("privileged", False),
        capabilities=tuple(word.removeprefix("CAP_") for word in _texts(table, "capabilities")),
        devices=_texts(table, "devices"),
        engine_socket=table.get("engine_socket", False),
        new_privileges=table.get("new_privileges", False),
    )
