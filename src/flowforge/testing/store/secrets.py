"""Sealed secrets, and what is known of the keys that seal them."""

from collections.abc import Collection, Mapping, Sequence

from flowforge.model.secret import MasterKey, Seal, Secret, SecretKind
from flowforge.testing.store.tables import Tables, expect_owner


class MemorySecrets:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def save(self, secret: Secret, seal: Seal) -> None:
        if secret.project_id is not None:
            expect_owner(secret.project_id in self._tables.projects, "project", secret.project_id)
        self._tables.secrets.put(secret.id, (secret, seal))

    def get(self, id: int) -> Secret | None:
        found = self._tables.secrets.get(id)
        return found[0] if found else None

    def like(
        self, organisation_id: int, kind: SecretKind, names: Collection[str], groups: Collection[str] = ()
    ) -> Sequence[Secret]:
        return [
            secret
            for secret in self._all()
            if (secret.organisation_id, secret.kind) == (organisation_id, kind)
            and (secret.group in groups if secret.group else secret.name in names)
        ]

    def newest(
        self, organisation_id: int, limit: int, *, after: int | None = None, project_id: int | None = None
    ) -> Sequence[Secret]:
        rows = [
            secret
            for secret in reversed(self._all())
            if secret.organisation_id == organisation_id
            and (after is None or secret.id < after)
            and (project_id is None or secret.project_id == project_id)
        ]
        return rows[:limit]

    def seals(self, ids: Collection[int]) -> Mapping[int, Seal]:
        return {secret.id: seal for secret, seal in self._tables.secrets if secret.id in ids}

    def behind(self, key: str, limit: int) -> Sequence[Secret]:
        seals = self.seals([secret.id for secret in self._all()])
        return [secret for secret in self._all() if seals[secret.id].key != key][:limit]

    def remove(self, id: int) -> bool:
        return self._tables.secrets.remove(id)

    def _all(self) -> list[Secret]:
        return sorted((secret for secret, _ in self._tables.secrets), key=lambda secret: secret.id)


class MemoryMasterKeys:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, fingerprint: str) -> MasterKey | None:
        return self._tables.master_keys.get(fingerprint)

    def save(self, key: MasterKey) -> None:
        self._tables.master_keys.put(key.fingerprint, key)

    def all(self) -> Sequence[MasterKey]:
        return sorted(self._tables.master_keys, key=lambda key: (key.version, key.fingerprint))
