"""A fake of the port `Vault`."""

from collections.abc import Collection, Mapping

from flowforge.model.secret import SecretScope


class FakeVault:
    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self.secrets = dict(secrets or {})

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        """The same for everybody that is trusted."""
        return {name: self.secrets[name] for name in names if scope.trusted and self.secrets.get(name)}
