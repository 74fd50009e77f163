"""Builds the supervisor, the one part of FlowForge that is not Python.

An editable install and a plain wheel get it for this machine, by the system's compiler or, without one that can link
statically, by PyPI's `ziglang`. With FLOWFORGE_SUPERVISOR=all a wheel gets it for every machine jobs run on.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/flowforge/adapters/executors/supervisor")
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Os", "-ffunction-sections", "-fdata-sections")
ZIG_TARGETS = {"linux-amd64": "x86_64-linux-musl", "linux-arm64": "aarch64-linux-musl"}
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def this_machine() -> str:
    machine = platform.machine().lower()
    return f"{sys.platform}-{MACHINES.get(machine, machine)}"


def link_flags() -> tuple[str, ...]:
    """A program that runs in any image brings its C library along; outside of Linux none runs in an image."""
    return ("-static", "-s", "-Wl,--gc-sections") if sys.platform == "linux" else ()


def system_compiler() -> str | None:
    """A compiler that can build what we need: a program that it cannot link statically is of no use in an image."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.c"
        source.write_text('#include <stdio.h>\nint main(void) { return puts("") < 0; }\n')
        command = [compiler, *FLAGS, *link_flags(), "-o", str(source.with_suffix("")), str(source)]
        tried = subprocess.run(command, capture_output=True, check=False)
    return compiler if tried.returncode == 0 else None


def for_all() -> bool:
    return os.environ.get("FLOWFORGE_SUPERVISOR", "native") == "all"


def targets() -> tuple[str, ...]:
    return tuple(ZIG_TARGETS) if for_all() else (this_machine(),)


class SupervisorBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Asked by the build front end before `initialize`."""
        if self.target_name != "wheel" or not self._needs_zig():
            return []
        return ["ziglang"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version
        if self.target_name != "wheel":
            return
        binaries = Path(self.root) / FOLDER / "bin"
        binaries.mkdir(exist_ok=True)
        for target in targets():
            self._build(target, binaries / f"supervisor-{target}")
            build_data["artifacts"].append(f"/{FOLDER}/bin/supervisor-{target}")
        if not for_all():
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def _needs_zig(self) -> bool:
        return for_all() or system_compiler() is None

    def _build(self, target: str, binary: Path) -> None:
        compiler = None if self._needs_zig() else system_compiler()
        if compiler is not None:
            command = [compiler, *FLAGS, *link_flags()]
        else:
            named = ("-target", ZIG_TARGETS[target]) if target in ZIG_TARGETS else ()
            command = [sys.executable, "-m", "ziglang", "cc", *named, *FLAGS, *link_flags()]
        draft = binary.with_name(f".{binary.name}")
        sources = sorted(str(path) for path in (Path(self.root) / FOLDER).glob("*.c"))
        subprocess.run([*command, "-o", str(draft), *sources], check=True)
        draft.replace(binary)
