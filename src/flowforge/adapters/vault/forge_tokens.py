"""The port `Vault` on the tokens that the settings hold for forges."""

from collections.abc import Collection, Mapping

from flowforge.model.secret import SecretScope


class ForgeTokens:
    """Apart from the secrets of jobs: no job can name one of these."""

    def __init__(self, tokens: Mapping[str, str | None]) -> None:
        self._tokens = tokens

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        del scope  # the server's own
        return {name: value for name in names if (value := self._tokens.get(name))}
