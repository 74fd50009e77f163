"""The port `Vault` on the tokens that the settings hold for forges."""

from collections.abc import Mapping


class ForgeTokens:
    """Apart from the secrets of jobs: no job can name one of these."""

    def __init__(self, tokens: Mapping[str, str | None]) -> None:
        self._tokens = tokens

    def get(self, name: str) -> str | None:
        return self._tokens.get(name) or None
