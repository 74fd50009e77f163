"""How values read for people."""

from datetime import UTC, datetime

from flowforge.model.status import Status

STATUS = {
    Status.SUCCESS: "Passed",
    Status.FAILURE: "Failed",
    Status.RUNNING: "Running",
    Status.PENDING: "Pending",
    Status.WAITING: "Waiting",
    Status.CANCELLED: "Cancelled",
    Status.SKIPPED: "Skipped",
    Status.UNKNOWN: "Unknown",
}
NOTHING = "\N{EN DASH}"


def age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return NOTHING
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 86400:
        return f"{seconds // 3600} h ago"
    days = seconds // 86400
    return "yesterday" if days == 1 else f"{days} days ago" if days < 60 else at.strftime("%Y-%m-%d")


def short(seconds: float | None) -> str:
    """For columns."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    if whole < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}m"


def spoken(seconds: float | None) -> str:
    """For sentences."""
    if seconds is None or seconds < 60:
        return short(seconds)
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: int) -> str:
    return f"{value:,}"


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    for unit, bound in (("kB", 1e6), ("MB", 1e9)):
        if count < bound:
            return f"{count / (bound / 1000):.1f} {unit}"
    return f"{count / 1e9:.1f} GB"


def exact(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
