"""The port `Sealer` on a key ring."""

import asyncio
from collections.abc import Collection, Sequence

from flowforge.adapters.vault import envelope
from flowforge.adapters.vault.key_ring import Key, KeyRing
from flowforge.errors import NotConfigured
from flowforge.model.secret import Seal, Secret


class RingSealer:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def seal(self, secret: Secret, value: str) -> Seal:
        return await asyncio.to_thread(lambda: envelope.seal(secret, value, self._ring.all()[0]))

    async def open(self, secret: Secret, seal: Seal) -> str:
        return await asyncio.to_thread(lambda: envelope.unseal(secret, seal, self._key(secret, seal)))

    async def rewrap(self, secret: Secret, seal: Seal) -> Seal:
        def work() -> Seal:
            return envelope.rewrap(secret, seal, self._key(secret, seal), self._ring.all()[0])

        return await asyncio.to_thread(work)

    async def fingerprints(self) -> Sequence[str]:
        return [key.fingerprint for key in await asyncio.to_thread(self._ring.all)]

    async def renew(self) -> str:
        return (await asyncio.to_thread(self._ring.renew)).fingerprint

    async def forget(self, fingerprints: Collection[str]) -> None:
        await asyncio.to_thread(self._ring.forget, fingerprints)

    def _key(self, secret: Secret, seal: Seal) -> Key:
        for key in self._ring.all():
            if key.fingerprint == seal.key:
                return key
        raise NotConfigured(
            f"the secret {secret.name} is sealed with the master key {seal.key}, which this server does not have: "
            "give it back, or set the secret anew",
            final=True,
        )
