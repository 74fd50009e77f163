"""Where the command line finds the admin token of a server on the same machine. Both sides use this file's functions.

A server writes `<data folder>/local.token` and publishes its place in the user's XDG state folder as `flowforge/local.json`,
`{"url": …, "token_file": …}`, the newest server of the user's last. The token is for loopback addresses only.
"""

import ipaddress
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

LARGEST_FILE = 16 * 1024
_PORTS = {"http": 80, "https": 443}


def publish(url: str, token_file: Path, environ: Mapping[str, str]) -> None:
    """Raises OSError where the state folder cannot be written, RuntimeError where the user has no home."""
    place = _place(environ)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({"url": url, "token_file": str(token_file.absolute())})
    with tempfile.NamedTemporaryFile("w", dir=place.parent, prefix=".local-", delete=False) as file:
        file.write(text)
    Path(file.name).replace(place)


def published(environ: Mapping[str, str]) -> tuple[str, Path] | None:
    """The newest local server's URL and token file, whether or not it still lives."""
    try:
        entry = json.loads(_read(_place(environ)) or "null")
    except (ValueError, RecursionError, RuntimeError):
        return None
    if not isinstance(entry, dict):
        return None
    url, token_file = entry.get("url"), entry.get("token_file")
    if isinstance(url, str) and isinstance(token_file, str) and "\0" not in token_file:
        return url, Path(token_file)
    return None


def find(url: str, environ: Mapping[str, str], cwd: Path) -> str | None:
    """The token for the server at `url`, None where it is not on this machine or no token is there."""
    if not is_loopback(url):
        return None
    texts = (_read(path) for path in _candidates(url, environ, cwd))
    return next((token for text in texts if (token := text.strip()) and _is_token(token)), None)


def is_loopback(url: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _candidates(url: str, environ: Mapping[str, str], cwd: Path) -> Iterator[Path]:
    """A data folder that was named, then the server that says it is at this address, then the usual data folder."""
    named = environ.get("FLOWFORGE_DATA", "").strip()
    if named:
        yield cwd / Path(named) / "local.token"
    known = published(environ)
    if known and _endpoint(known[0]) == _endpoint(url) and is_loopback(known[0]):
        yield known[1]
    yield cwd / "data" / "local.token"


def _endpoint(url: str) -> tuple[str, int | None]:
    """Loopback names are alike: what tells two local servers apart is the port."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return url, None


def _place(environ: Mapping[str, str]) -> Path:
    state = Path(environ.get("XDG_STATE_HOME") or "")
    if not state.is_absolute():
        home = environ.get("HOME")
        state = (Path(home) if home else Path.home()) / ".local" / "state"
    return state / "flowforge" / "local.json"


def _read(path: Path) -> str:
    """Empty for what is not a small regular file of text."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            data = file.read(LARGEST_FILE + 1)
    except OSError:
        return ""
    return "" if len(data) > LARGEST_FILE else data.decode("utf-8", errors="replace")


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
