"""Sealed secrets and what is known of master keys."""

from dataclasses import replace
from typing import Any

from flowforge.model.secret import MasterKey, Seal, Secret, SecretKind
from flowforge.ports import Store
from flowforge.testing.clock import EPOCH
from tests.contract.store.things import later, project

SEAL = Seal(key="k1", wrapped=b"\x00wrapped\xff", box=b"\x00box\xff")


def secret(id: int = 1, **changes: Any) -> Secret:
    base = Secret(
        id=id, organisation_id=1, project_id=None, name=f"KEY_{id}", created_at=EPOCH, updated_at=later(id)
    )
    return replace(base, **changes)


async def saved(store: Store, *secrets: Secret, seal: Seal = SEAL) -> None:
    await store.write(lambda tx: tx.projects.save(project(1)))
    for each in secrets:
        await store.write(lambda tx, each=each: tx.secrets.save(each, seal))


async def test_a_secret_is_saved_replaced_and_removed_with_its_seal(store: Store) -> None:
    first = secret(environment="live", branch="release/*", group="", updated_by="ann", masked=False)
    changed = replace(first, version=2, updated_at=later(9), project_id=1)
    await saved(store, first)
    await saved(store, changed, seal=replace(SEAL, key="k2"))
    assert await store.read(lambda tx: tx.secrets.get(1)) == changed
    assert await store.read(lambda tx: tx.secrets.seals([1, 2])) == {1: replace(SEAL, key="k2")}
    assert await store.write(lambda tx: tx.secrets.remove(1))
    assert not await store.write(lambda tx: tx.secrets.remove(1))
    assert await store.read(lambda tx: tx.secrets.get(1)) is None
    assert await store.read(lambda tx: tx.secrets.seals([])) == {}


async def test_secrets_are_found_by_name_or_by_group(store: Store) -> None:
    rows = [
        secret(1, name="A"),
        secret(2, name="A", project_id=1),
        secret(3, name="B"),
        secret(4, name="A", kind=SecretKind.WEBHOOK),
        secret(5, name="A", group="g"),
        secret(6, name="C", group="g"),
        secret(7, name="C", group="h"),
    ]
    await saved(store, *rows)

    async def like(names: tuple[str, ...], groups: tuple[str, ...] = (), organisation: int = 1) -> list[int]:
        found = await store.read(lambda tx: tx.secrets.like(organisation, SecretKind.JOB, names, groups))
        return [each.id for each in found]

    assert await like(("A",)) == [1, 2]
    assert await like(("A", "A", "B"), ("g",)) == [1, 2, 3, 5, 6]
    assert await like((), ("g", "h")) == [5, 6, 7]
    assert await like((), ("",)) == []
    assert await like((), ()) == []
    assert await like(("A",), organisation=2) == []
    assert await store.read(lambda tx: tx.secrets.like(1, SecretKind.WEBHOOK, ("A",))) == [rows[3]]


async def test_secrets_are_listed_newest_first(store: Store) -> None:
    await saved(store, *(secret(n, project_id=1 if n % 2 else None) for n in range(1, 6)))
    assert [s.id for s in await store.read(lambda tx: tx.secrets.newest(1, 2))] == [5, 4]
    assert [s.id for s in await store.read(lambda tx: tx.secrets.newest(1, 9, after=3))] == [2, 1]
    assert [s.id for s in await store.read(lambda tx: tx.secrets.newest(1, 9, project_id=1))] == [5, 3, 1]
    assert await store.read(lambda tx: tx.secrets.newest(2, 9)) == []


async def test_secrets_under_another_key_are_found(store: Store) -> None:
    await saved(store, *(secret(n) for n in (1, 2, 3)))
    await saved(store, secret(2), seal=replace(SEAL, key="k2"))
    assert [s.id for s in await store.read(lambda tx: tx.secrets.behind("k2", 9))] == [1, 3]
    assert [s.id for s in await store.read(lambda tx: tx.secrets.behind("k2", 1))] == [1]
    assert [s.id for s in await store.read(lambda tx: tx.secrets.behind("k1", 9))] == [2]


async def test_master_keys_are_listed_by_version(store: Store) -> None:
    first = MasterKey(fingerprint="f1", version=1, created_at=EPOCH, created_by="ann")
    second = MasterKey(fingerprint="e2", version=2, created_at=later(1))
    for key in (second, first):
        await store.write(lambda tx, key=key: tx.master_keys.save(key))
    assert await store.read(lambda tx: tx.master_keys.all()) == [first, second]
    retired = replace(first, retired_at=later(2))
    await store.write(lambda tx: tx.master_keys.save(retired))
    assert await store.read(lambda tx: tx.master_keys.get("f1")) == retired
    assert await store.read(lambda tx: tx.master_keys.get("f3")) is None


async def test_ids_of_secrets_are_counted(store: Store) -> None:
    assert await store.write(lambda tx: tx.take_ids("secrets", 2)) == range(1, 3)
