"""What an executor is given once: who it works for, and where it may keep things."""

from dataclasses import dataclass
from pathlib import Path

from flowforge.model.attempt import AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`folder` holds the rooms' control folders (plans with secrets and unmasked output, so private to us and best on a
    tmpfs), `workspaces` the jobs' files. `grace` is the seconds between TERM and KILL."""

    instance: str
    folder: Path
    workspaces: Path
    grace: float = 10.0

    def control(self, key: AttemptKey) -> Path:
        return self.folder / str(key)

    def workspace(self, key: AttemptKey) -> Path:
        return self.workspaces / f"pipeline-{key.run}" / f"{key.job}.{key.number}"
