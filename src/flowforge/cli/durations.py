"""Lengths of time as people read them."""

from datetime import datetime


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `3m 04s`, `2h 05m`, `3d 04h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // below:02}{small}"
    return f"{whole}s"


def age(moment: str, now: datetime) -> str:
    """How long ago an ISO 8601 time was, in its largest unit; empty for what is none."""
    try:
        seconds = (now - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return "just now" if seconds < 5 else f"{int(seconds)}s ago"
