"""What an engine says of itself: how it is called, and what of its isolation an admin should know."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# The releases of November 2025 that mend CVE-2025-31133, -52565 and -52881 (ways out of a container by its mounts).
RUNC_FLOORS = ((1, 2, 8), (1, 3, 3), (1, 4, 0))


def engine_name(version: Mapping[str, Any]) -> str:
    """Docker puts a product's name in `Platform`, Podman its machine's."""
    first: Mapping[str, Any] = next(iter(version.get("Components") or ()), {})
    component = str(first.get("Name") or "")
    platform = str((version.get("Platform") or {}).get("Name") or "")
    name = component.removesuffix(" Engine") if "podman" in component.lower() else platform
    return f"{name or 'Docker'} {version.get('Version', '')}".strip()


def weaknesses(version: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[str]:
    runc = _runc(version)
    if runc is not None and not _mended(runc):
        shown = ".".join(map(str, runc))
        yield (
            f"runc {shown} is older than its releases of November 2025, before which a job could leave its container; a "
            "distribution may have mended it under the old number"
        )
    if not any(
        "seccomp" in option and "unconfined" not in option for option in info.get("SecurityOptions") or ()
    ):
        yield "the engine filters no system calls (seccomp): jobs reach more of the kernel than they should"


def _runc(version: Mapping[str, Any]) -> tuple[int, int, int] | None:
    for component in version.get("Components") or ():
        if component.get("Name") == "runc":
            found = re.match(r"(\d+)\.(\d+)\.(\d+)", str(component.get("Version", "")))
            return (int(found[1]), int(found[2]), int(found[3])) if found else None
    return None


def _mended(runc: tuple[int, int, int]) -> bool:
    same_line = [floor for floor in RUNC_FLOORS if floor[:2] == runc[:2]]
    return runc >= (same_line[0] if same_line else max(RUNC_FLOORS))
