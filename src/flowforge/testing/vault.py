"""A fake of the port `Vault`."""

from collections.abc import Collection, Mapping

from flowforge.model.secret import SecretScope


class FakeVault:
    """The same for everybody that is trusted. `groups` have names and values too."""

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        groups: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.secrets = dict(secrets or {})
        self.groups = dict(groups or {})

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        found = {name: self.secrets[name] for name in names if self.secrets.get(name)}
        for group in scope.groups:
            found |= self.groups.get(group, {})
        return found if scope.trusted else {}
