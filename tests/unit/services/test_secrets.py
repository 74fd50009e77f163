"""Secrets over a store in memory: set, changed, removed, and their master key rotated, whatever cuts in."""

import asyncio
from dataclasses import replace

import pytest

from flowforge.errors import BadInput, Conflict, NotFound, StoreUnavailable, TooLarge
from flowforge.model.secret import LONGEST_VALUE, WEBHOOK_SECRET, Secret, SecretKind, SecretScope
from flowforge.services.secret_wishes import SecretWish
from flowforge.services.secrets import Existing, Secrets
from flowforge.testing.bell import MemoryBell
from flowforge.testing.clock import ManualClock
from flowforge.testing.sealer import FakeSealer
from flowforge.testing.store import MemoryStore
from tests.contract.store.things import project

VALUE = "a value to be kept"


class Kept:
    def __init__(self) -> None:
        self.store, self.sealer = MemoryStore(), FakeSealer()
        self.secrets = Secrets(self.store, self.sealer, MemoryBell(), ManualClock())

    async def put(self, existing: Existing = Existing.REPLACED, **changes: object) -> Secret:
        return await self.secrets.put(wish(**changes), existing, "ann")

    async def value(self, secret: Secret) -> str:
        seals = await self.store.read(lambda tx: tx.secrets.seals([secret.id]))
        return await self.sealer.open(secret, seals[secret.id])

    async def events(self) -> list[tuple[str, object]]:
        events = await self.store.read(lambda tx: tx.events.since(0, 1000))
        return [(str(event.kind), event.detail["actor"]) for event in events]

    async def retired(self) -> dict[str, bool]:
        keys = await self.store.read(lambda tx: tx.master_keys.all())
        return {key.fingerprint: key.retired_at is not None for key in keys}


def wish(**changes: object) -> SecretWish:
    base = SecretWish(organisation_id=1, project_id=None, kind=SecretKind.JOB, name="DEPLOY_KEY", value=VALUE)
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def test_a_secret_is_kept_sealed_and_its_change_told_without_the_value(kept: Kept) -> None:
    first = await kept.put()
    second = await kept.put(value="another value")
    assert (first.id, first.version, second.id, second.version) == (1, 1, 1, 2)
    assert await kept.value(second) == "another value"
    assert await kept.events() == [("secret.set", "ann")] * 2
    events = await kept.store.read(lambda tx: tx.events.since(0, 100))
    assert VALUE not in repr(events)
    assert VALUE not in repr(wish())


async def test_a_new_secret_does_not_take_another_one_s_place(kept: Kept) -> None:
    await kept.put(Existing.REFUSED)
    with pytest.raises(Conflict, match="exists there already"):
        await kept.put(Existing.REFUSED)
    other = await kept.put(Existing.REFUSED, branch="main")
    assert other.id == 2


async def test_places_differ_by_project_environment_branch_group_and_kind(kept: Kept) -> None:
    await kept.store.write(lambda tx: tx.projects.save(project(1)))
    places = [{}, {"project_id": 1}, {"environment": "live"}, {"branch": "main"}, {"group": "g"}]
    places.append({"kind": SecretKind.FORGE_TOKEN})
    made = [await kept.put(Existing.REFUSED, **place) for place in places]
    assert [secret.id for secret in made] == [1, 2, 3, 4, 5, 6]
    assert await kept.secrets.project_names(made) == {1: "octo/repo-1"}
    assert [secret.id for secret in await kept.secrets.page(1, 2)] == [6, 5]
    assert [secret.id for secret in await kept.secrets.page(1, 9, after=3)] == [2, 1]
    assert [secret.id for secret in await kept.secrets.page(1, 9, project_id=1)] == [2]
    assert await kept.secrets.page(2, 9) == []


async def test_a_secret_is_changed_and_removed_once(kept: Kept) -> None:
    secret = await kept.secrets.get(1, (await kept.put()).id)
    changed = await kept.secrets.change(secret, "changed value", "bob")
    assert (changed.version, changed.updated_by, changed.created_at) == (2, "bob", secret.created_at)
    await kept.secrets.remove(changed, "bob")
    with pytest.raises(NotFound):
        await kept.secrets.remove(changed, "bob")
    with pytest.raises(NotFound):
        await kept.secrets.get(1, secret.id)
    assert (await kept.events())[-1] == ("secret.removed", "bob")


async def test_another_organisation_s_secret_is_not_found(kept: Kept) -> None:
    secret = await kept.put()
    with pytest.raises(NotFound):
        await kept.secrets.get(2, secret.id)


async def test_short_values_are_known_to_be_shown(kept: Kept) -> None:
    assert not (await kept.put(value="12345")).masked
    assert (await kept.put(value="123456")).masked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../other/KEY"),
        ("name", "1KEY"),
        ("name", ""),
        ("name", "A" * 129),
        ("name", "A\n"),
        ("name", "Ä"),
        ("name", "FLOWFORGE_TOKEN"),
        ("environment", "../x"),
        ("environment", "a/"),
        ("group", "-x"),
        ("group", " "),
        ("group", "a" * 101),
        ("branch", "a b"),
        ("branch", "[a]"),
        ("branch", "\ud800"),
        ("branch", "a" * 256),
        ("value", ""),
        ("value", "a\0b"),
        ("value", "\ud800"),
    ],
)
async def test_what_is_no_secret_is_refused_by_field(kept: Kept, field: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        await kept.put(**{field: value})
    assert caught.value.field == field
    assert not value or len(value) < 3 or field != "value" or value not in caught.value.message


async def test_a_value_has_a_limit(kept: Kept) -> None:
    assert await kept.put(value="ä" * (LONGEST_VALUE // 2))
    with pytest.raises(TooLarge):
        await kept.put(value="ä" * (LONGEST_VALUE // 2) + "x")


async def test_a_group_is_the_organisation_s_and_the_server_s_secrets_have_no_branch(kept: Kept) -> None:
    with pytest.raises(BadInput, match="belongs to the organisation"):
        await kept.put(group="docker hub", project_id=1)
    for place in ({"environment": "live"}, {"branch": "main"}, {"group": "g"}):
        with pytest.raises(BadInput, match="for the server itself"):
            await kept.put(kind=SecretKind.FORGE_TOKEN, **place)


async def test_a_webhook_secret_is_one_of_a_project_and_has_its_one_name(kept: Kept) -> None:
    await kept.store.write(lambda tx: tx.projects.save(project(1)))
    place = {"kind": SecretKind.WEBHOOK, "project_id": 1}
    assert (await kept.put(name=WEBHOOK_SECRET, **place)).id == 1
    for wrong in ({**place, "name": "HOOK"}, {"kind": SecretKind.WEBHOOK, "name": WEBHOOK_SECRET}):
        with pytest.raises(BadInput, match=r"webhook secret"):
            await kept.put(**wrong)


async def test_whoever_remembers_values_hears_of_each_change(kept: Kept) -> None:
    heard: list[str] = []
    secrets = Secrets(kept.store, kept.sealer, MemoryBell(), ManualClock(), lambda: heard.append("changed"))
    secret = await secrets.put(wish(), Existing.REPLACED, "ann")
    await secrets.change(secret, "another value", "ann")
    await secrets.remove(secret, "ann")
    assert heard == ["changed"] * 3


async def test_rotation_seals_everything_anew_and_throws_the_old_key_away(kept: Kept) -> None:
    made = [await kept.put(name=f"KEY_{number}") for number in range(120)]
    rotation = await kept.secrets.rotate_key("ann")
    assert (rotation.version, rotation.resealed) == (2, 120)
    assert kept.sealer.keys == ["key-2"]
    assert [await kept.value(secret) for secret in made] == [VALUE] * 120
    assert await kept.retired() == {"key-1": True, "key-2": False}
    assert (await kept.events())[-1] == ("master_key.rotated", "ann")
    assert (await kept.secrets.rotate_key("ann")).version == 3


async def test_a_rotation_cut_short_goes_on_at_the_next_start(kept: Kept) -> None:
    secrets = [await kept.put(name=f"KEY_{number}") for number in range(3)]
    await kept.sealer.renew()
    assert [await kept.value(secret) for secret in secrets] == [VALUE] * 3, "both keys are here"
    await kept.secrets.resume_rotation()
    assert kept.sealer.keys == ["key-2"]
    assert [await kept.value(secret) for secret in secrets] == [VALUE] * 3
    await kept.secrets.resume_rotation()
    assert (await kept.events()).count(("master_key.rotated", "the server's start")) == 1


async def test_a_rotation_that_ended_before_the_old_key_was_thrown_away_is_tidied_up(kept: Kept) -> None:
    await kept.put()
    await kept.secrets.rotate_key("ann")
    kept.sealer.keys.append("key-1")
    await kept.secrets.resume_rotation()
    assert kept.sealer.keys == ["key-2"]


async def test_a_rotation_while_the_database_is_away_harms_nothing(kept: Kept) -> None:
    secret = await kept.put()
    with kept.store.refusing(), pytest.raises(StoreUnavailable):
        await kept.secrets.rotate_key("ann")
    with kept.store.refusing():
        await kept.secrets.resume_rotation()
    assert await kept.value(secret) == VALUE
    assert (await kept.secrets.rotate_key("ann")).version == 2
    assert await kept.value(secret) == VALUE


async def test_a_key_that_was_retired_and_is_given_again_seals(kept: Kept) -> None:
    await kept.put()
    await kept.secrets.rotate_key("ann")
    kept.sealer.keys.insert(0, "key-1")
    await kept.secrets.resume_rotation()
    assert kept.sealer.keys == ["key-1"]
    assert await kept.value(await kept.put(value="new value")) == "new value"


async def test_nothing_is_sealed_under_a_key_that_was_retired_meanwhile(kept: Kept) -> None:
    """Another process has the old key still in its hands when this one throws it away."""
    await kept.put()
    await kept.secrets.rotate_key("ann")
    late = Secrets(kept.store, FakeSealer(), MemoryBell(), ManualClock())
    with pytest.raises(StoreUnavailable):
        await late.put(wish(), Existing.REPLACED, "late")


async def test_two_who_set_one_secret_at_once_both_succeed(kept: Kept) -> None:
    values = [f"value number {number}" for number in range(4)]
    async with asyncio.TaskGroup() as tasks:
        for value in values:
            tasks.create_task(kept.put(value=value))
    (secret,) = await kept.secrets.page(1, 9)
    assert secret.version == 4
    assert await kept.value(secret) in values


async def test_a_secret_changed_during_the_rotation_keeps_its_new_value(kept: Kept) -> None:
    secret = await kept.put()

    class Meddling(FakeSealer):
        meddled = False

        async def rewrap(self, secret, seal):  # type: ignore[no-untyped-def]
            sealed = await super().rewrap(secret, seal)
            if not self.meddled:
                self.meddled = True
                await kept.secrets.change(secret, "changed meanwhile", "bob")
            return sealed

    meddling = Meddling()
    rotating = Secrets(kept.store, meddling, MemoryBell(), ManualClock())
    assert (await rotating.rotate_key("ann")).version == 2
    (after,) = await kept.secrets.page(1, 9)
    seals = await kept.store.read(lambda tx: tx.secrets.seals([secret.id]))
    assert await meddling.open(after, seals[secret.id]) == "changed meanwhile"


def test_a_scope_without_groups_is_the_usual_one() -> None:
    assert SecretScope().groups == ()
