"""The port `Vault` on two others."""

from collections.abc import Collection, Mapping

from flowforge.model.secret import SecretScope
from flowforge.ports import Vault


class LayeredVault:
    """What `over` has goes before what `under` has."""

    def __init__(self, over: Vault, under: Vault) -> None:
        self._over = over
        self._under = under

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        first = await self._over.values(scope, names)
        left = [name for name in names if name not in first]
        second = await self._under.values(scope, left) if left or scope.groups else {}
        grouped = [name for name in second if name not in names]
        overridden = await self._over.values(scope, grouped) if grouped else {}
        return {**second, **overridden, **first}
