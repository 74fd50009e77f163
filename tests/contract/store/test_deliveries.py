import pytest

from flowforge.errors import Conflict
from flowforge.ports import Store
from tests.contract.store.things import delivery, project


@pytest.fixture
async def with_project(store: Store) -> Store:
    await store.write(lambda tx: tx.projects.save(project()))
    return store


async def test_a_delivery_comes_back_to_the_byte(with_project: Store) -> None:
    given = delivery(body=bytes(range(256)))
    await with_project.write(lambda tx: tx.deliveries.add([given]))
    assert await with_project.read(lambda tx: tx.deliveries.get(1)) == given
    assert await with_project.read(lambda tx: tx.deliveries.get(2)) is None


async def test_deliveries_are_known_by_either_key(with_project: Store) -> None:
    one, two = delivery(1), delivery(2)
    await with_project.write(lambda tx: tx.deliveries.add([one, two]))
    keys = {one.delivery_key, one.event_key, two.event_key, "never seen"}
    known = await with_project.read(lambda tx: tx.deliveries.known(keys))
    assert known == {one.delivery_key: one, one.event_key: one, two.event_key: two}
    assert not await with_project.read(lambda tx: tx.deliveries.known(()))


async def test_many_keys_are_looked_up_at_once(with_project: Store) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([delivery(7)]))
    keys = [f"github:delivery:{n}" for n in range(20_000)]
    assert set(await with_project.read(lambda tx: tx.deliveries.known(keys))) == {"github:delivery:7"}


@pytest.mark.parametrize("key", ["delivery_key", "event_key"])
async def test_the_same_sending_or_happening_is_refused(with_project: Store, key: str) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([delivery(1)]))
    again = delivery(2, **{key: getattr(delivery(1), key)})
    with pytest.raises(Conflict):
        await with_project.write(lambda tx: tx.deliveries.add([again]))
    assert await with_project.read(lambda tx: tx.deliveries.get(2)) is None


async def test_no_delivery_at_all_is_fine(with_project: Store) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([]))
