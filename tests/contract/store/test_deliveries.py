import pytest

from flowforge.errors import Conflict
from flowforge.model.delivery import Tip
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


async def test_deliveries_are_known_by_their_sending(with_project: Store) -> None:
    one, two = delivery(1), delivery(2)
    await with_project.write(lambda tx: tx.deliveries.add([one, two]))
    known = await with_project.read(lambda tx: tx.deliveries.known({one.delivery_key, "never seen"}))
    assert {key: tuple(run_ids) for key, run_ids in known.items()} == {one.delivery_key: one.run_ids}
    assert not await with_project.read(lambda tx: tx.deliveries.known(()))


async def test_many_keys_are_looked_up_at_once(with_project: Store) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([delivery(7)]))
    keys = [f"github:delivery:{n}" for n in range(20_000)]
    assert set(await with_project.read(lambda tx: tx.deliveries.known(keys))) == {"github:delivery:7"}
    places = [f"place {n}" for n in range(20_000)]
    assert set(await with_project.read(lambda tx: tx.deliveries.tips(places))) == {"place 7"}


async def test_a_place_knows_its_newest_delivery(with_project: Store) -> None:
    first, other = delivery(1, place="main"), delivery(2, place="next")
    await with_project.write(lambda tx: tx.deliveries.add([first, other]))
    third, last = delivery(3, place="main"), delivery(4, place="main", run_ids=())
    await with_project.write(lambda tx: tx.deliveries.add([third, last]))
    tips = await with_project.read(lambda tx: tx.deliveries.tips({"main", "next", "gone"}))
    assert tips == {
        "main": Tip(place="main", event_key=last.event_key, run_ids=()),
        "next": Tip(place="next", event_key=other.event_key, run_ids=other.run_ids),
    }


async def test_the_same_sending_is_refused(with_project: Store) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([delivery(1)]))
    again = delivery(2, delivery_key=delivery(1).delivery_key)
    with pytest.raises(Conflict):
        await with_project.write(lambda tx: tx.deliveries.add([again]))
    assert await with_project.read(lambda tx: tx.deliveries.get(2)) is None
    tips = await with_project.read(lambda tx: tx.deliveries.tips({again.place}))
    assert not tips


async def test_the_same_happening_may_come_again(with_project: Store) -> None:
    again = delivery(2, event_key=delivery(1).event_key)
    await with_project.write(lambda tx: tx.deliveries.add([delivery(1), again]))
    assert await with_project.read(lambda tx: tx.deliveries.since(0, 9)) == [delivery(1), again]
    assert await with_project.read(lambda tx: tx.deliveries.since(0, 1)) == [delivery(1)]
    assert await with_project.read(lambda tx: tx.deliveries.since(1, 9)) == [again]


async def test_no_delivery_at_all_is_fine(with_project: Store) -> None:
    await with_project.write(lambda tx: tx.deliveries.add([]))
