"""The byte strings by which a secret value gives itself away: as it is, escaped, and encoded."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from flowforge.engine.mask_controls import without_controls

SHORTEST = 6
_PIECE = 1024

_NOT_PLAIN_IN_SHELL = re.compile(r"([^\w@%+=:,./-])", re.ASCII)
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_ANSI_C = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_IN_DOUBLE_QUOTES = str.maketrans({"\\": "\\\\", '"': '\\"', "$": "\\$", "`": "\\`"})
_JSON_FOR_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def maskable(value: str) -> bool:
    """Shorter values are not masked: they would blot out half of a log and say what they are by its gaps."""
    return len(value.strip()) >= SHORTEST


def patterns_of(value: str) -> frozenset[bytes]:
    """Of a maskable value. None is empty or longer than two pieces, whatever the value's length."""
    found: set[bytes] = set()
    for text in _texts(value):
        raw = _bytes(text)
        found.update(_bytes(escaped) for escaped in _escaped(text))
        found.update((raw, raw.hex().encode(), raw.hex().upper().encode()))
        found.update(_base64(raw))
    found |= {without_controls(pattern) for pattern in found}
    return frozenset(piece for pattern in found for piece in _pieces(pattern) if len(piece) >= SHORTEST)


def _texts(value: str) -> set[str]:
    """The value, without the blanks around it, and its lines: printed alone, each tells enough."""
    lines = (line.strip() for line in value.split("\n"))
    return {value, value.strip(), *(line for line in lines if len(line) >= SHORTEST)}


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _escaped(text: str) -> Iterator[str]:
    ascii_only = json.dumps(text)[1:-1]
    yield ascii_only
    yield ascii_only.translate(_JSON_FOR_HTML)
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for safe in ("", "/", "!'()*"):
        quoted = quote(_bytes(text), safe=safe)
        yield quoted
        yield _PERCENT.sub(lambda match: match[0].lower(), quoted)
    yield quote_plus(_bytes(text))
    yield html.escape(text)
    yield html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(text, quote=False)
    yield text.replace("'", "'\"'\"'")
    yield text.replace("'", "'\\''")
    yield _NOT_PLAIN_IN_SHELL.sub(r"\\\1", text)
    yield text.translate(_ANSI_C)
    yield text.translate(_IN_DOUBLE_QUOTES)


def _base64(raw: bytes) -> Iterator[bytes]:
    """Of the value and of its base64, wherever in a longer text they stand."""
    for once in _aligned(raw):
        for alphabet in {once, once.replace(b"+", b"-").replace(b"/", b"_")}:
            yield alphabet
            yield from _aligned(alphabet)


def _aligned(raw: bytes) -> Iterator[bytes]:
    """The characters of base64 that depend on `raw` alone when 0, 1 or 2 bytes stand before it in its group."""
    for before, unstable in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(bytes(before) + raw)
        yield encoded[unstable : (before + len(raw)) * 8 // 6]


def _pieces(pattern: bytes) -> Iterable[bytes]:
    """Bounds what a stream must hold back. A long pattern's pieces are masked one by one."""
    if len(pattern) <= 2 * _PIECE:
        return (pattern,)
    last = len(pattern) // _PIECE * _PIECE - _PIECE
    return (*(pattern[at : at + _PIECE] for at in range(0, last, _PIECE)), pattern[last:])
