"""The seams of secrets."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from flowforge.model.secret import MasterKey, Seal, Secret, SecretKind, SecretScope


class Secrets(Protocol):
    """Sealed: what is stored here tells nobody a value."""

    def save(self, secret: Secret, seal: Seal) -> None:
        """Insert, or replace as a whole."""
        ...

    def get(self, id: int) -> Secret | None: ...

    def like(
        self, organisation_id: int, kind: SecretKind, names: Collection[str], groups: Collection[str] = ()
    ) -> Sequence[Secret]:
        """Those without a group that have one of the names, and all that belong to one of the groups."""
        ...

    def newest(
        self, organisation_id: int, limit: int, *, after: int | None = None, project_id: int | None = None
    ) -> Sequence[Secret]:
        """By id descending; `after` is the last id of the page before, `project_id` leaves out all other projects'
        and the organisation's own."""
        ...

    def seals(self, ids: Collection[int]) -> Mapping[int, Seal]: ...

    def behind(self, key: str, limit: int) -> Sequence[Secret]:
        """Those sealed under another master key than the one of this fingerprint."""
        ...

    def remove(self, id: int) -> bool:
        """True for the one caller that removed it."""
        ...


class MasterKeys(Protocol):
    """What is known of master keys, by fingerprint."""

    def get(self, fingerprint: str) -> MasterKey | None: ...
    def save(self, key: MasterKey) -> None: ...

    def all(self) -> Sequence[MasterKey]:
        """By version."""
        ...


class Vault(Protocol):
    """The one door to secret values."""

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        """Those of the names that have a value for who asks, and all that belong to the scope's groups. Raises
        `Upstream` where that cannot be told now."""
        ...


class Sealer(Protocol):
    """Seals and opens secret values. The master keys are its own and leave it in no form but their fingerprints."""

    async def seal(self, secret: Secret, value: str) -> Seal:
        """Under the newest master key, bound to the secret's organisation, scope, name and version."""
        ...

    async def open(self, secret: Secret, seal: Seal) -> str:
        """Raises `NotConfigured` where the master key is not here, `SealBroken` where the seal was made for another
        secret or was changed."""
        ...

    async def rewrap(self, secret: Secret, seal: Seal) -> Seal:
        """The same value under the newest master key. Raises as `open` does."""
        ...

    async def fingerprints(self) -> Sequence[str]:
        """Of the master keys that are here, the newest first."""
        ...

    async def renew(self) -> str:
        """Make a new master key, answer its fingerprint; those before it still open what they sealed. Raises
        `Conflict` where keys are given from outside."""
        ...

    async def forget(self, fingerprints: Collection[str]) -> None:
        """Throw away these master keys where they are ours to throw away. Idempotent."""
        ...


class HookSecrets(Protocol):
    """Asked before a delivery's signature is looked at, so it answers from memory as a rule."""

    async def of(self, origin: str, native_id: str) -> bytes | None:
        """The webhook secret of the project that is this repository, where it has one of its own: then no other counts.
        Raises `Upstream` where that cannot be told now."""
        ...
