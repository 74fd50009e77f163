"""What the machine and its processes say of themselves."""

import os
import platform
import subprocess
from pathlib import Path


def machine_line() -> str:
    """Cores, kernel, engine and load: figures mean nothing without them."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({_processor()}), Linux {platform.release()}, Python {platform.python_version()}, "
        f"docker {_docker_version()}, load average {load}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _docker_version() -> str:
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "none"
    return asked.stdout.strip() or "none"


def resident_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(process: int) -> float:
    """User and system time, that of children it has waited for included."""
    return _ticks(process, 4) / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds(process: int) -> float:
    """Without its children's."""
    return _ticks(process, 2) / os.sysconf("SC_CLK_TCK")


def _ticks(process: int, count: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11 : 11 + count])
