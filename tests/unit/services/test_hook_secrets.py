"""A project's own webhook secret, remembered for a while."""

import asyncio
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import cast

from flowforge.model.secret import WEBHOOK_SECRET, SecretScope
from flowforge.ports import Vault
from flowforge.services import hook_secrets as module
from flowforge.services.hook_secrets import FRESH, ProjectHookSecrets, ServerWide
from tests.unit.services.world import REPOSITORY, World


class ScopedVault:
    """Values by project; `asked` counts."""

    def __init__(self, values: dict[int, str]) -> None:
        self.by_project = values
        self.asked = 0

    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        self.asked += 1
        assert tuple(names) == (WEBHOOK_SECRET,)
        value = self.by_project.get(scope.project_id or 0)
        return {WEBHOOK_SECRET: value} if value else {}


async def test_a_project_answers_its_own_secret_and_a_stranger_none(world: World) -> None:
    await world.pushed()
    vault = ScopedVault({1: "ours"})
    secrets = ProjectHookSecrets(world.store, vault, world.clock)
    assert await secrets.of(REPOSITORY.origin, REPOSITORY.native_id) == b"ours"
    assert await secrets.of(REPOSITORY.origin, "another") is None
    assert await ServerWide().of(REPOSITORY.origin, REPOSITORY.native_id) is None


async def test_it_is_asked_for_once_in_a_while_and_after_a_change(world: World) -> None:
    await world.pushed()
    vault = ScopedVault({1: "ours"})
    secrets = ProjectHookSecrets(world.store, vault, world.clock)
    for _ in range(3):
        await secrets.of(REPOSITORY.origin, REPOSITORY.native_id)
    assert vault.asked == 1
    vault.by_project[1] = "new"
    secrets.forget()
    assert await secrets.of(REPOSITORY.origin, REPOSITORY.native_id) == b"new"
    world.clock.tick(FRESH + 1)
    vault.by_project.clear()
    assert await secrets.of(REPOSITORY.origin, REPOSITORY.native_id) is None


async def test_what_was_looked_up_before_a_change_is_not_remembered_after_it(world: World) -> None:
    await world.pushed()
    vault = ScopedVault({1: "ours"})
    secrets = ProjectHookSecrets(world.store, vault, world.clock)
    looking, going = asyncio.Event(), asyncio.Event()

    async def slow(scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        found = await ScopedVault.values(vault, scope, names)
        looking.set()
        await going.wait()
        return found

    secrets.vault = cast("Vault", SimpleNamespace(values=slow))
    async with asyncio.TaskGroup() as tasks:
        old = tasks.create_task(secrets.of(REPOSITORY.origin, REPOSITORY.native_id))
        await looking.wait()
        vault.by_project[1] = "new"
        secrets.forget()
        going.set()
    assert old.result() == b"ours"
    assert await secrets.of(REPOSITORY.origin, REPOSITORY.native_id) == b"new"


async def test_no_more_than_so_many_are_remembered(world: World, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    secrets = ProjectHookSecrets(world.store, ScopedVault({}), world.clock)
    for number in range(5):
        await secrets.of("https://forge.example", str(number))
    assert len(secrets._known) == 2
