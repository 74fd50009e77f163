"""What a person's own folder is at: the newest commit below the files, told in a few words."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.environment import personal_environment

SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Empty texts where there is no repository or no commit; `ref` is empty for a detached one."""

    commit: str = ""
    ref: str = ""
    title: str = ""
    author: str = ""


def head_of(folder: Path) -> Head:
    told = _ask(folder, "log", "-1", "--no-show-signature", "--format=%H%x00%an%x00%s", "HEAD")
    commit, author, title = (*told.split("\0"), "", "", "")[:3]
    return Head(
        commit=commit, ref=_ask(folder, "symbolic-ref", "--quiet", "HEAD"), title=title, author=author
    )


def _ask(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", *arguments), env=personal_environment(), cwd=folder, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else ""
