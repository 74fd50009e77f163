"""A forge as a record of pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flowforge.model.commit_status import CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest
from flowforge.model.push import ForgeRepository, Reading

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
class StatusApi:
    """How a forge is told a commit's status. `base_of` answers where the API of the forge at an origin is."""

    base_of: Callable[[str], str]
    request: Callable[[str, CommitStatus, str], HttpRequest]
    answer: Callable[[HttpAnswer], StatusAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """`recognise`, `signature_ok`, `repository` and `read` take a webhook's headers and raw body and never raise on
    them; `read` comes after the signature, `repository` may come before it and says whose secret it has to bear.

    `token_name` is the secret that speaks for us at this forge, `home` the public one, empty where there is none.
    `clone_user` is the user's name that goes with a token
    when cloning. `clones_source` says that a pull request is fetched from the repository that it comes from: the forge
    has no ref for it.
    """

    name: str
    title: str
    home: str
    token_name: str
    scope: str
    clone_user: str
    clones_source: bool = False
    recognise: Callable[[Headers], bool]
    signature_ok: Callable[[bytes, Headers, bytes, datetime], bool]
    repository: Callable[[bytes], ForgeRepository | None]
    read: Callable[[Headers, bytes], Reading]
    statuses: StatusApi
