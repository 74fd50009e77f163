"""The port `Vault` on the store."""

from collections.abc import Collection, Mapping

from flowforge.engine.secret_choice import narrowest
from flowforge.errors import NotConfigured
from flowforge.model.secret import Seal, Secret, SecretKind, SecretScope
from flowforge.ports import Sealer, Store, Tx


class SealedVault:
    """Of one kind of secrets: no other can be reached through it."""

    def __init__(self, store: Store, sealer: Sealer, kind: SecretKind = SecretKind.JOB) -> None:
        self._store = store
        self._sealer = sealer
        self._kind = kind

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        if not scope.trusted or not (names or scope.groups):
            return {}
        try:
            return await self._values(scope, names)
        except NotConfigured:
            # The master key may have been rotated after the seal was read.
            return await self._values(scope, names)

    async def _values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        found = await self._store.read(lambda tx: _found(tx, scope, self._kind, names))
        return {secret.name: await self._sealer.open(secret, seal) for secret, seal in found}


def _found(tx: Tx, scope: SecretScope, kind: SecretKind, names: Collection[str]) -> list[tuple[Secret, Seal]]:
    candidates = tx.secrets.like(scope.organisation_id, kind, names, scope.groups)
    chosen = narrowest(candidates, scope).values()
    seals = tx.secrets.seals([secret.id for secret in chosen])
    return [(secret, seals[secret.id]) for secret in chosen]
