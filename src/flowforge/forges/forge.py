"""A forge as a record of pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flowforge.model.commit_status import CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest
from flowforge.model.push import Happening, Ignored, Unreadable

Headers = Mapping[str, str]
"""Names in lower case; a header that came more than once has its values joined by commas, as HTTP defines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """What a forge said to a commit status. `problem` is empty when it took it, else one sentence; `retry_after` is
    in seconds where the forge said so; `final` means that sending it again will not help."""

    problem: str = ""
    retry_after: float | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """`recognise`, `signature_ok` and `read` take a webhook's headers and raw body and never raise on them; `read`
    comes after the signature. `token_name` is the secret that speaks for us at this forge."""

    name: str
    api_base: str
    token_name: str
    recognise: Callable[[Headers], bool]
    signature_ok: Callable[[bytes, Headers, bytes], bool]
    read: Callable[[Headers, bytes], Happening | Ignored | Unreadable]
    status_request: Callable[[str, CommitStatus, str], HttpRequest]
    status_answer: Callable[[HttpAnswer], StatusAnswer]
