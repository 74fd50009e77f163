"""Writes git's index (version 2, gitformat-index(5)) with what stat said of each file, so that nothing need be read again."""

import hashlib
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_ENTRY = struct.Struct(">IIIIIIIIII")
_NAME_MASK = 0xFFF
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """`found` is None where the file was not written by us: git then looks at its content."""

    path: bytes
    id: str
    mode: int
    found: os.stat_result | None


def index_bytes(tracked: Iterable[Tracked]) -> bytes:
    """In the order of the paths' bytes, as git demands."""
    ordered = sorted(tracked, key=lambda one: one.path)
    parts = [b"DIRC" + struct.pack(">II", 2, len(ordered)), *map(_entry, ordered)]
    body = b"".join(parts)
    wide = bool(ordered) and len(ordered[0].id) == 64
    digest = hashlib.sha256(body) if wide else hashlib.sha1(body, usedforsecurity=False)
    return body + digest.digest()


def _entry(one: Tracked) -> bytes:
    name = bytes.fromhex(one.id) + struct.pack(">H", min(len(one.path), _NAME_MASK)) + one.path
    entry = _ENTRY.pack(*_facts(one)) + name
    return entry + b"\0" * (8 - len(entry) % 8)


def _facts(one: Tracked) -> tuple[int, ...]:
    found = one.found
    if found is None:
        return (0, 0, 0, 0, 0, 0, one.mode, 0, 0, 0)
    changed, modified = divmod(found.st_ctime_ns, 10**9), divmod(found.st_mtime_ns, 10**9)
    facts = (
        *changed,
        *modified,
        found.st_dev,
        found.st_ino,
        one.mode,
        found.st_uid,
        found.st_gid,
        found.st_size,
    )
    return tuple(fact & _WORD for fact in facts)
