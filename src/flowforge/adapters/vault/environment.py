"""The port `Vault` on environment variables."""

import re
from collections.abc import Collection, Mapping

from flowforge.model.secret import SecretScope

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PREFIX = "FLOWFORGE_SECRET_"


class EnvironmentVault:
    """The secret NAME is the variable FLOWFORGE_SECRET_NAME; an empty one counts as unset. No other variable can be
    reached, a forge's token among them: what speaks for the server is not for jobs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        if not scope.trusted:
            return {}
        found = {name: self._environment.get(_PREFIX + name) for name in names if _NAME.fullmatch(name)}
        return {name: value for name, value in found.items() if value}
