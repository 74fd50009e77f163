"""The port `Vault`."""

from collections.abc import Callable, Mapping

import pytest

from flowforge.adapters.vault.environment import EnvironmentVault
from flowforge.adapters.vault.forge_tokens import ForgeTokens
from flowforge.model.secret import SecretScope
from flowforge.ports import Vault
from flowforge.testing.vault import FakeVault

ANYBODY = SecretScope()


def from_environment(secrets: Mapping[str, str]) -> Vault:
    return EnvironmentVault({f"FLOWFORGE_SECRET_{name}": value for name, value in secrets.items()})


@pytest.fixture(params=[FakeVault, from_environment, ForgeTokens])
def vault_with(request: pytest.FixtureRequest) -> Callable[[Mapping[str, str]], Vault]:
    return request.param


async def test_secrets_are_found_by_their_names_and_no_others_come(vault_with) -> None:
    vault = vault_with({"DEPLOY_KEY": "value", "OTHER": "x"})
    assert await vault.values(ANYBODY, ["DEPLOY_KEY"]) == {"DEPLOY_KEY": "value"}


async def test_an_unknown_or_empty_secret_has_no_value(vault_with) -> None:
    assert await vault_with({"EMPTY": ""}).values(ANYBODY, ["EMPTY", "OTHER"]) == {}


async def test_a_stranger_s_code_gets_none() -> None:
    assert await from_environment({"KEY": "value"}).values(SecretScope(trusted=False), ["KEY"]) == {}


@pytest.mark.parametrize("name", ["../X", "A B", "", "1A", "A=B", "A\n"])
async def test_a_name_that_is_none_reaches_nothing(name: str) -> None:
    vault = EnvironmentVault({f"FLOWFORGE_SECRET_{name}": "value"})
    assert await vault.values(ANYBODY, [name]) == {}


async def test_no_other_variable_can_be_reached() -> None:
    vault = EnvironmentVault({"HOME": "/", "FLOWFORGE_DATA": "x"})
    assert await vault.values(ANYBODY, ["HOME", "FLOWFORGE_DATA"]) == {}
