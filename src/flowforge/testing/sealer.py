"""A fake of the port `Sealer`: it hides nothing, and keeps its keys in a list."""

import json
from collections.abc import Collection, Sequence

from flowforge.errors import NotConfigured, SealBroken
from flowforge.model.secret import Seal, Secret


class FakeSealer:
    """`keys` are fingerprints, the newest first."""

    def __init__(self) -> None:
        self.keys = ["key-1"]
        self._made = 1

    async def seal(self, secret: Secret, value: str) -> Seal:
        return _seal(self.keys[0], secret, value)

    async def open(self, secret: Secret, seal: Seal) -> str:
        if seal.key not in self.keys:
            raise NotConfigured(f"the master key {seal.key} is not here", final=True)
        bound, value = json.loads(seal.box)
        if bound != _bound(secret):
            raise SealBroken("made for another secret", final=True)
        return str(value)

    async def rewrap(self, secret: Secret, seal: Seal) -> Seal:
        return _seal(self.keys[0], secret, await self.open(secret, seal))

    async def fingerprints(self) -> Sequence[str]:
        return list(self.keys)

    async def renew(self) -> str:
        self._made += 1
        self.keys.insert(0, f"key-{self._made}")
        return self.keys[0]

    async def forget(self, fingerprints: Collection[str]) -> None:
        self.keys = [key for key in self.keys if key not in fingerprints]


def _seal(key: str, secret: Secret, value: str) -> Seal:
    return Seal(key=key, wrapped=b"", box=json.dumps([_bound(secret), value]).encode())


def _bound(secret: Secret) -> list[object]:
    return [*secret.place, secret.version]
