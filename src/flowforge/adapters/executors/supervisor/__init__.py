"""The supervisor's program, as the wheel's build left it (hatch_build.py)."""

import platform
import sys
from pathlib import Path

from flowforge.errors import EngineUnavailable

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_FOLDER = Path(__file__).parent / "bin"


def for_this_machine() -> Path:
    machine = platform.machine().lower()
    return _existing(f"{sys.platform}-{_MACHINES.get(machine, machine)}")


def for_containers(architecture: str) -> Path:
    """`architecture` in the words of the Engine API."""
    return _existing(f"linux-{_MACHINES.get(architecture, architecture)}")


def _existing(target: str) -> Path:
    path = _FOLDER / f"supervisor-{target}"
    if not path.exists():
        raise EngineUnavailable(f"this installation of FlowForge has no supervisor for {target}", final=True)
    return path
