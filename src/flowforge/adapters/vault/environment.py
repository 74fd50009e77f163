"""The port `Vault` on environment variables."""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PREFIX = "FLOWFORGE_SECRET_"
_ALSO_CALLED = {"GITHUB_TOKEN": ("FLOWFORGE_GITHUB_TOKEN", "popsicle_GITHUB_TOKEN", "GITHUB_TOKEN")}


class EnvironmentVault:
    """The secret NAME is the variable FLOWFORGE_SECRET_NAME; a forge's token has its customary names too, and those
    are tried where that one is unset. An empty variable counts as unset. No other variable can be reached."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str | None:
        if _NAME.fullmatch(name) is None:
            return None
        names = (_PREFIX + name, *_ALSO_CALLED.get(name, ()))
        return next((value for one in names if (value := self._environment.get(one))), None)
