"""The framing of the supervisor's files: pairs of name and value, each a netstring."""

from collections.abc import Iterable

Pair = tuple[str, bytes]


def pack(pairs: Iterable[tuple[str, str | bytes]]) -> bytes:
    return b"".join(_one(name) + _one(value) for name, value in pairs)


def unpack(data: bytes) -> list[Pair]:
    """Raises ValueError on bytes that are no pairs."""
    values = []
    while data:
        length, colon, rest = data.partition(b":")
        if (
            not colon
            or not length.isdigit()
            or len(length) > 9
            or rest[int(length) : int(length) + 1] != b","
        ):
            raise ValueError("not a netstring")
        values.append(rest[: int(length)])
        data = rest[int(length) + 1 :]
    if len(values) % 2:
        raise ValueError("a name without a value")
    return [(name.decode(), value) for name, value in zip(values[::2], values[1::2], strict=True)]


def _one(value: str | bytes) -> bytes:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return b"%d:%s," % (len(data), data)
