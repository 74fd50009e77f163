"""Looks at a server's warm pool from outside."""

import subprocess
import time

from bench.site import Site
from flowforge.adapters.data.folder import DataFolder

SETTLED = 0.5
"""Seconds behind the last container's start: the pool knows it by then, and the engine rests."""
FILL_SECONDS = 300.0


def fill(place: Site, size: int) -> float:
    """Wait until so many containers wait; the seconds it took."""
    begun = time.monotonic()
    label = f"label=flowforge.instance={DataFolder(place.server.data).instance()}"
    command = ["docker", "ps", "-q", "--filter", label, "--filter", "name=-slot-"]
    while time.monotonic() < begun + FILL_SECONDS:
        listed = subprocess.run(command, check=True, capture_output=True, text=True)
        if len(listed.stdout.split()) >= size:
            time.sleep(SETTLED)
            return time.monotonic() - begun
        time.sleep(0.1)
    raise RuntimeError(f"the warm pool does not fill: {place.server.errors()[-2000:]}")
