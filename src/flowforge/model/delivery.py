"""One webhook as it arrived."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`delivery_key` names the sending (forge and its delivery id), `event_key` what happened (forge, repository, ref,
    before, after): the same sending twice and the same happening sent twice are both one delivery."""

    id: int
    organisation_id: int
    project_id: int
    forge: str
    event: str
    delivery_key: str
    event_key: str
    body: bytes
    run_ids: tuple[int, ...]
    received_at: datetime
