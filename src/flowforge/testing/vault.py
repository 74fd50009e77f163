"""A fake of the port `Vault`."""

from collections.abc import Mapping


class FakeVault:
    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self.secrets = dict(secrets or {})

    def get(self, name: str) -> str | None:
        return self.secrets.get(name) or None
