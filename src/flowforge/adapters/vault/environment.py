"""The port `Vault` on environment variables."""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PREFIX = "FLOWFORGE_SECRET_"


class EnvironmentVault:
    """The secret NAME is the variable FLOWFORGE_SECRET_NAME; an empty one counts as unset. No other variable can be
    reached, a forge's token among them: what speaks for the server is not for jobs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str | None:
        if _NAME.fullmatch(name) is None:
            return None
        return self._environment.get(_PREFIX + name) or None
