"""One webhook as it arrived."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`delivery_key` names the sending (forge and its delivery id), `place` where something happened (a branch, tag or
    pull request), `event_key` what (forge, repository, ref, before, after). The same sending twice is one delivery, and so
    is the same happening sent anew while it is the newest at its place: a ref may well go from one commit to another
    twice, but not without having gone back. One that started nothing (a deleted ref) has no runs."""

    id: int
    organisation_id: int
    project_id: int
    forge: str
    event: str
    delivery_key: str
    event_key: str
    place: str
    body: bytes
    run_ids: tuple[int, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The newest delivery of a place."""

    place: str
    event_key: str
    run_ids: tuple[int, ...]
