"""A project's own token clones it, and goes nowhere else."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from flowforge.model.secret import SecretScope
from flowforge.services.clone_tokens import CloneTokens
from flowforge.testing.store import MemoryStore
from tests.contract.store.things import project

HOME = "https://forge.example"
SAW = replace(project(1), forge="gitlab", origin=HOME, clone_url=f"{HOME}/tools/saw.git")


class OwnTokens:
    """One for the organisation, one for the first project."""

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        return dict.fromkeys(names, "own" if scope.project_id == 1 else "all")


@pytest.fixture
async def tokens() -> CloneTokens:
    store = MemoryStore()
    stolen = replace(project(2), forge="gitlab", origin="https://evil.example", clone_url=SAW.clone_url)
    lured = replace(project(3), forge="gitlab", origin=HOME, clone_url="https://evil.example/saw.git")

    def keep(tx) -> None:  # type: ignore[no-untyped-def]
        for each in (SAW, stolen, lured):
            tx.projects.save(each)

    await store.write(keep)
    return CloneTokens(store, OwnTokens(), {HOME: "gitlab"})


@pytest.mark.parametrize(
    ("url", "pair"),
    [
        (SAW.clone_url, "oauth2:own"),
        (f"{HOME}/tools/axe.git", "oauth2:all"),
        ("https://evil.example/saw.git", None),
    ],
)
async def test_whose_token_clones_what(tokens: CloneTokens, url: str, pair: str | None) -> None:
    assert await tokens.of(url, "/".join(url.split("/")[:3])) == pair
