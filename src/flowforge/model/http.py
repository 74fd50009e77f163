"""An exchange with a server outside, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Repeat(StrEnum):
    """Whether sending a request twice does the same as sending it once."""

    SAFE = "safe"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """`token` is sent as the Authorization header's credential under `scheme`, and only to the URL's own origin."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    token: str = field(default="", repr=False)
    scheme: str = "Bearer"
    repeat: Repeat = Repeat.NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
