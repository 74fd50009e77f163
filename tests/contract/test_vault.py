"""The port `Vault`."""

from collections.abc import Callable, Mapping

import pytest

from flowforge.adapters.vault.environment import EnvironmentVault
from flowforge.adapters.vault.forge_tokens import ForgeTokens
from flowforge.ports import Vault
from flowforge.testing.vault import FakeVault


def from_environment(secrets: Mapping[str, str]) -> Vault:
    return EnvironmentVault({f"FLOWFORGE_SECRET_{name}": value for name, value in secrets.items()})


@pytest.fixture(params=[FakeVault, from_environment, ForgeTokens])
def vault_with(request: pytest.FixtureRequest) -> Callable[[Mapping[str, str]], Vault]:
    return request.param


class TestEveryVault:
    def test_a_secret_is_found_by_its_name(self, vault_with) -> None:
        assert vault_with({"DEPLOY_KEY": "value"}).get("DEPLOY_KEY") == "value"

    def test_an_unknown_or_empty_secret_is_none(self, vault_with) -> None:
        vault = vault_with({"EMPTY": ""})
        assert vault.get("EMPTY") is None
        assert vault.get("OTHER") is None


@pytest.mark.parametrize("name", ["../X", "A B", "", "1A", "A=B", "A\n"])
def test_a_name_that_is_none_reaches_nothing(name: str) -> None:
    assert EnvironmentVault({f"FLOWFORGE_SECRET_{name}": "value"}).get(name) is None


def test_no_other_variable_can_be_reached() -> None:
    assert EnvironmentVault({"HOME": "/", "FLOWFORGE_DATA": "x"}).get("HOME") is None


@pytest.mark.parametrize("name", ["FLOWFORGE_GITHUB_TOKEN", "popsicle_GITHUB_TOKEN", "GITHUB_TOKEN"])
def test_the_token_of_a_forge_is_not_for_jobs(name: str) -> None:
    assert EnvironmentVault({name: "value"}).get("GITHUB_TOKEN") is None
