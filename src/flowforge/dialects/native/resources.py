"""`resource_class:`: what a job may use of its machine, or which machine it wants."""

import re
from collections.abc import Mapping

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, text, whole_number
from flowforge.dialects.native.names import word
from flowforge.dialects.node import Map, Node, Scalar
from flowforge.model.resources import USUAL, Resources

GIB = 1024**3
LEAST_MEMORY = 16 * 1024**2
MOST_MEMORY = 16 * 1024 * GIB
MOST_CPUS = 1024
MOST_PIDS = 1_000_000

CLASSES: Mapping[str, Resources] = {
    "small": Resources(cpus=1, memory=2 * GIB),
    "medium": Resources(cpus=2, memory=4 * GIB),
    "medium+": Resources(cpus=3, memory=6 * GIB),
    "large": Resources(cpus=4, memory=8 * GIB),
    "xlarge": Resources(cpus=8, memory=16 * GIB),
    "2xlarge": Resources(cpus=16, memory=32 * GIB),
    "2xlarge+": Resources(cpus=20, memory=40 * GIB),
}

_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([kmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": GIB, "t": 1024 * GIB}


def resources(node: Node | None, findings: Findings) -> tuple[Resources, tuple[str, ...]]:
    """With the labels of the runner where the class is none of ours."""
    if node is None:
        return USUAL, ()
    if isinstance(node, Map):
        return _detailed(node, findings), ()
    name = text(node, "`resource_class`", findings)
    if name in CLASSES:
        return CLASSES[name], ()
    label = word(node, "`resource_class`", findings)
    return USUAL, (label,) if label else ()


def _detailed(body: Map, findings: Findings) -> Resources:
    check_keys(body, vocabulary.RESOURCES, findings)
    cpus, memory, pids, shm = (body.get(key) for key in ("cpus", "memory", "pids", "shm"))
    return Resources(
        cpus=_cpus(cpus, findings) if cpus else None,
        memory=_size(memory, "`memory`", findings) if memory else None,
        pids=whole_number(pids, "`pids`", 1, MOST_PIDS, findings) if pids else None,
        shm=_size(shm, "`shm`", findings) if shm else None,
    )


def _cpus(node: Node, findings: Findings) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.01 <= value <= MOST_CPUS:
        return float(value)
    hint = f"write a number such as 0.5 or 4, up to {MOST_CPUS}"
    findings.error("bad-value", node.mark, "`cpus` must be a number of processors", hint)
    return None


def _size(node: Node, what: str, findings: Findings) -> int | None:
    written = text(node, what, findings)
    match = _SIZE.fullmatch(written)
    size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    if LEAST_MEMORY <= size <= MOST_MEMORY:
        return size
    if written:
        hint = "write a size such as `512M` or `4G`"
        findings.error("bad-value", node.mark, f"{what} cannot be {quote(written)}", hint)
    return None
