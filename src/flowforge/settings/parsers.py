"""From a setting's text to its value. A parser raises `ValueError` with what to write instead, as the end of a sentence."""

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

E = TypeVar("E", bound=StrEnum)

Parser = Callable[[str, Path], object]
"""Takes the text and the folder that relative paths are relative to."""

_UNITS = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_HOST = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+"
)
_SMALLEST_RANGE = 24
_MASTER_KEY = re.compile(r"[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]=?")
_DATABASES = {"sqlite", "postgresql", "postgresql+psycopg", "postgres"}


def text(value: str, _base: Path) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def secret(value: str, _base: Path) -> str:
    """Says nothing about the value."""
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def master_keys(value: str, _base: Path) -> str:
    """Says nothing about the value."""
    keys = [key.strip() for key in value.split(",")]
    if not all(_MASTER_KEY.fullmatch(key) for key in keys):
        raise ValueError(
            "must be 32 random bytes in base64, such as `openssl rand -base64 32` makes; several are separated by commas"
        )
    return ",".join(keys)


def host(value: str, _base: Path) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name or an address such as 127.0.0.1")
    return value


def path(value: str, base: Path) -> Path:
    if "\0" in value:
        raise ValueError("must be a path")
    return (base / Path(value).expanduser()).absolute()


def flag(value: str, _base: Path) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if value.lower() not in known:
        raise ValueError("must be 1 or 0")
    return known[value.lower()]


def number(low: int, high: int) -> Parser:
    def parse(value: str, _base: Path) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def unless_zero(parser: Parser) -> Parser:
    """None for 0, which stands for no limit."""

    def parse(value: str, base: Path) -> object:
        return None if value.strip() in ("0", "0.0") else parser(value, base)

    return parse


def cpus(value: str, _base: Path) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", value) or float(value) < 0.01:
        raise ValueError("must be a number of processors, such as 2 or 0.5, or 0 for no limit")
    return float(value)


def subnets(value: str, _base: Path) -> str:
    from ipaddress import IPv4Network

    try:
        network = IPv4Network(value)
    except ValueError:
        raise ValueError("must be a range of IPv4 addresses such as 10.213.0.0/16") from None
    if network.prefixlen > _SMALLEST_RANGE:
        raise ValueError(
            f"must be a range of at least 2^{32 - _SMALLEST_RANGE} addresses (/{_SMALLEST_RANGE})"
        )
    return str(network)


def seconds(low: float, high: float) -> Parser:
    def parse(value: str, _base: Path) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or not low <= float(value) <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return float(value)

    return parse


def size(low: int, high: int) -> Parser:
    def parse(value: str, _base: Path) -> int:
        match = re.fullmatch(r"([0-9]{1,15}) ?([A-Za-z]*)", value)
        unit = _UNITS.get(match.group(2).lower()) if match else None
        amount = int(match.group(1)) * unit if match and unit else -1
        if not low <= amount <= high:
            raise ValueError(f"must be a size from {low} to {high} bytes, such as 26214400 or 25 MiB")
        return amount

    return parse


def one_of(kind: type[E]) -> Parser:
    def parse(value: str, _base: Path) -> E:
        try:
            return kind(value.lower())
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}") from None

    return parse


def web_address(value: str, _base: Path) -> str:
    parts = _split(value)
    plain = parts is not None and not (parts.query or parts.fragment or parts.username or parts.password)
    if parts is None or not plain or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            "must be an http or https address such as https://ci.example.org, without user, query or fragment"
        )
    return value.rstrip("/")


def origin(value: str, base: Path) -> str:
    """The address of a server, without a path."""
    from flowforge.model.origin import Origin

    found = Origin.of(web_address(value, base))
    if found is None or _split(value).path.strip("/"):  # type: ignore[union-attr]  # an address splits
        raise ValueError("must be the address of a server such as https://git.example.org, without a path")
    return str(found)


def database(value: str, base: Path) -> str:
    """SQLite paths become absolute; the value itself is never shown, as it may hold a password."""
    parts = _split(value)
    if parts is None or parts.scheme not in _DATABASES:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    if parts.scheme == "sqlite":
        if not value.startswith("sqlite:///") or value == "sqlite:///" or "?" in value:
            raise ValueError("must name a file: sqlite:///data/flowforge.db")
        return f"sqlite:///{path(value.removeprefix('sqlite:///'), base)}"
    if not parts.path.strip("/"):
        raise ValueError("must name a database: postgresql://user@host/name")
    return f"postgresql+psycopg{value[len(parts.scheme) :]}"


def pool(value: str, _base: Path) -> tuple[tuple[str, int], ...] | None:
    """None for `auto`; else each image and how many of it."""
    if value.lower() == "auto":
        return None
    if value.lower() in {"0", "off"}:
        return ()
    sizes = [item.rpartition("=") for item in _items(value)]
    for image, _, size in sizes:
        if not image or any(map(str.isspace, image)) or not re.fullmatch(r"[0-9]{1,3}", size):
            raise ValueError("must be auto, off, or images and how many of each: python:3.12=2,node:22=1")
    return tuple((image, int(size)) for image, _, size in sizes)


def user_numbers(value: str, _base: Path) -> tuple[int, int] | None:
    """The first and the last; None for `off`."""
    if value.lower() == "off":
        return None
    match = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})", value)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < first <= last < 2**32 - 1:
        raise ValueError("must be off, or the first and the last user number such as 58000-58999")
    return first, last


def networks(value: str, _base: Path) -> tuple[str, ...]:
    from ipaddress import ip_network

    try:
        return tuple(str(ip_network(item, strict=False)) for item in _items(value))
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.0/8, separated by commas") from None


def origins(value: str, _base: Path) -> tuple[str, ...]:
    items = tuple(item.lower() for item in _items(value))
    for item in items:
        name, port = _host_and_port(item)
        if not _HOST.fullmatch(name) or not (port == "" or (port.isdecimal() and 1 <= int(port) <= 65535)):
            raise ValueError("must be host or host:port, separated by commas, without a scheme or path")
    return items


def _host_and_port(item: str) -> tuple[str, str]:
    if item.startswith("["):
        name, _, rest = item.partition("]")
        return f"{name}]", rest.removeprefix(":") if rest else ""
    name, colon, port = item.partition(":")
    return name, port if colon and port else (":" if colon else "")


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return None if any(character.isspace() for character in value) else parts
