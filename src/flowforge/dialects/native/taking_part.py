"""Whether a job takes part in a run, by its conditions and filters."""

from flowforge.dialects.native.condition import allowed
from flowforge.dialects.native.filters import left_out, paths_left_out
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Map

CONDITION = "its condition does not hold"


def job_left_out(body: Map, reading: Reading) -> str:
    """Why not; empty where it does. `body` is the job's own."""
    filters = body.get("filters")
    by_name = left_out(filters, reading) if filters else ""
    return by_name or _otherwise(body, reading)


def place_left_out(body: Map, reading: Reading) -> str:
    """`body` is what a workflow says of the job."""
    return left_out(body.get("filters"), reading) or _otherwise(body, reading)


def _otherwise(body: Map, reading: Reading) -> str:
    by_path = paths_left_out(body.get("paths"), reading)
    return ("" if allowed(body, reading) else CONDITION) or by_path
