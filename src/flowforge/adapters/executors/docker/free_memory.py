"""Whether the machine has memory to spare for containers that only wait: some 15 MB each, most of it the engine's."""

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
LEAST = 512 * 1024  # kB, as there
SHARE = 10


def enough() -> bool:
    """True where it cannot be told."""
    try:
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        total, free = (int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError, IndexError):
        return True
    return free >= max(LEAST, total // SHARE)
