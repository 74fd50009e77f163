"""The master keys of this server: given by its settings, or kept in a file that is made at the first start.

A line of the file is a key, the newest first, in base64. It is read anew whenever a key is wanted: that is seldom, a
rotation by another process is then seen at once, and no key stays in memory.
"""

import hashlib
import os
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flowforge.errors import Conflict, NotConfigured

KEY_BYTES = 32
_ADVICE = "32 random bytes in base64, such as `openssl rand -base64 32` makes"


@dataclass(frozen=True, slots=True)
class Key:
    raw: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and says nothing about them."""
        return hashlib.sha256(b"flowforge master key\0" + self.raw).hexdigest()[:16]


def parse_key(text: str) -> Key:
    """Raises ValueError that does not repeat the text."""
    try:
        plain = text.strip().replace("+", "-").replace("/", "_").rstrip("=")
        raw = b64decode(plain + "=", altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError(f"a master key must be {_ADVICE}") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a master key must be {_ADVICE}")
    return Key(raw)


class KeyRing:
    """Blocking, but short. `given` is the settings' text: keys separated by commas, the newest first."""

    def __init__(self, path: Path, given: str = "") -> None:
        self._path = path
        self._given = tuple(parse_key(text) for text in given.split(",") if text.strip())

    def prepare(self) -> None:
        """Make the first key, where there is none."""
        if not self.all():
            self._write((_new(),))

    def all(self) -> Sequence[Key]:
        """The newest first; the file's come after those that are given."""
        return (*self._given, *(key for key in self._kept() if key not in self._given))

    def renew(self) -> Key:
        if self._given:
            raise Conflict(
                "the master key is given by FLOWFORGE_MASTER_KEY: put a new one before it, separated by a comma, "
                "restart the server and ask again"
            )
        key = _new()
        self._write((key, *self._kept()))
        return key

    def forget(self, fingerprints: Collection[str]) -> None:
        kept = self._kept()
        left = [key for key in kept if key.fingerprint not in fingerprints]
        if not left and not self._given:
            raise Conflict("the last master key is not thrown away")
        if len(left) < len(kept):
            self._write(left)

    def _kept(self) -> Sequence[Key]:
        try:
            text = self._path.read_text(encoding="ascii")
            return tuple(parse_key(line) for line in text.splitlines() if line.strip())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no file of master keys"
            raise NotConfigured(f"cannot read {self._path}: {why}", final=True) from None

    def _write(self, keys: Sequence[Key]) -> None:
        """As a whole or not at all, and on the disk before anything is sealed with it."""
        draft = self._path.with_name(f"{self._path.name}.new")
        with suppress(FileNotFoundError):
            draft.unlink()
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w") as file:
            file.writelines(urlsafe_b64encode(key.raw).decode() + "\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _new() -> Key:
    return Key(secrets.token_bytes(KEY_BYTES))
