"""`90`, `30s`, `10m`, `1h30m`, `500ms`."""

import math
import re

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.fields import text
from flowforge.dialects.node import Node, Scalar

LONGEST_SECONDS = 30 * 24 * 3600

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_UNITS = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")
_SECONDS = (3600.0, 60.0, 1.0, 0.001)


def duration(node: Node, what: str, findings: Findings, longest: float = LONGEST_SECONDS) -> float:
    """In seconds."""
    written = text(node, what, findings)
    seconds = _seconds(node, written)
    if written and not 0 < seconds <= longest:
        hint = f"write seconds as a number, or a duration such as `30s`, `10m` or `1h30m`, up to {_told(longest)}"
        findings.error("bad-duration", node.mark, f"{what} cannot be {quote(written)}", hint)
    return seconds


def _told(seconds: float) -> str:
    return "30 days" if seconds == LONGEST_SECONDS else f"{seconds:g} seconds"


def _seconds(node: Node, written: str) -> float:
    """Not a number where it is none."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _UNITS.fullmatch(written)
    if match is None:
        return math.nan
    return sum(float(number) * unit for number, unit in zip(match.groups(), _SECONDS, strict=True) if number)
