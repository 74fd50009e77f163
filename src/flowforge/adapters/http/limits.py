"""How long an exchange may take and how much it may bring."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Seconds and bytes. `total_seconds` holds for everything `send` does: tries, pauses and redirects together."""

    connect_seconds: float = 5
    silence_seconds: float = 10
    total_seconds: float = 30
    answer_bytes: int = 5 << 20
    redirects: int = 3
    tries: int = 3
    first_pause_seconds: float = 0.25
    connections: int = 64
