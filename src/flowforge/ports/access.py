"""Rows of who may come in: machines and people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from flowforge.model.credential import Credential, CredentialKind
from flowforge.model.runner import Runner


class Runners(Protocol):
    def get(self, id: int) -> Runner | None: ...

    def with_key(self, key_hash: str) -> Runner | None:
        """Whose credential has this digest."""
        ...

    def save(self, runner: Runner) -> None: ...
    def all(self) -> Sequence[Runner]: ...
    def remove(self, id: int) -> None: ...


class Credentials(Protocol):
    def add(self, credential: Credential) -> None: ...
    def find(self, hash: str, kind: CredentialKind) -> Credential | None: ...

    def remove(self, hash: str) -> bool:
        """True for the one caller that removed it: what makes a one-time link one-time."""
        ...

    def remove_kind(self, kind: CredentialKind, target: str) -> None:
        """All of a kind that have this target."""
        ...

    def prune(self, now: datetime) -> int:
        """Remove those that expired before `now`."""
        ...
