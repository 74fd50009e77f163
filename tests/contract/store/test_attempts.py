from dataclasses import replace

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.attempt import AttemptKey
from flowforge.model.status import Cause, Status
from flowforge.ports import Store
from tests.contract.store.things import add_attempts, attempt, later, step


async def test_an_attempt_comes_back_as_it_was_added(store: Store) -> None:
    given = attempt(status=Status.FAILURE, cause=Cause.LOST, reason="gone", beat=3, log_size=2**40)
    await store.write(lambda tx: add_attempts(tx, given))
    assert await store.read(lambda tx: tx.attempts.get(given.key)) == given
    assert await store.read(lambda tx: tx.attempts.get(replace(given.key, number=2))) is None
    assert await store.read(lambda tx: tx.attempts.get(replace(given.key, run=2))) is None


async def test_the_same_attempt_is_made_once(store: Store) -> None:
    await store.write(lambda tx: add_attempts(tx, attempt()))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.attempts.add(attempt(token="other")))


async def test_an_attempt_belongs_to_a_job(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.attempts.add(attempt()))


async def test_saving_replaces_an_attempt_that_exists(store: Store) -> None:
    await store.write(lambda tx: add_attempts(tx, attempt()))
    done = attempt(status=Status.SUCCESS, finished_at=later(9), log_size=5)
    await store.write(lambda tx: tx.attempts.save(done))
    assert await store.read(lambda tx: tx.attempts.get(done.key)) == done
    with pytest.raises(NotFound):
        await store.write(lambda tx: tx.attempts.save(attempt(2)))


async def test_attempts_of_a_job_come_in_order(store: Store) -> None:
    await store.write(lambda tx: add_attempts(tx, attempt(2), attempt(1), attempt(1, job_id=2)))
    assert [a.key.number for a in await store.read(lambda tx: tx.attempts.of(1))] == [1, 2]


async def test_live_attempts_are_those_not_over(store: Store) -> None:
    await store.write(
        lambda tx: add_attempts(
            tx,
            attempt(1, status=Status.FAILURE),
            attempt(2),
            attempt(1, job_id=2, runner_id=7),
            attempt(1, job_id=3, run_id=2, runner_id=7, status=Status.UNKNOWN),
        )
    )
    assert [str(a.key) for a in await store.read(lambda tx: tx.attempts.live())] == [
        "1.1.2",
        "1.2.1",
        "2.3.1",
    ]
    assert [str(a.key) for a in await store.read(lambda tx: tx.attempts.live(7))] == ["1.2.1", "2.3.1"]


async def test_only_live_attempts_beat(store: Store) -> None:
    over, live = attempt(1, status=Status.CANCELLED), attempt(2)
    await store.write(lambda tx: add_attempts(tx, over, live))
    unknown = AttemptKey(run=1, job=1, number=9)
    for _ in range(2):
        await store.write(lambda tx: tx.attempts.beat([over.key, live.key, unknown]))
    await store.write(lambda tx: tx.attempts.beat([]))
    assert [a.beat for a in await store.read(lambda tx: tx.attempts.of(1))] == [0, 2]


async def test_steps_are_replaced_by_attempt_and_index(store: Store) -> None:
    key = attempt().key
    await store.write(lambda tx: add_attempts(tx, attempt(1)))
    await store.write(lambda tx: tx.steps.save([step(1, key), step(0, key)]))
    done = step(1, key, status=Status.FAILURE, cause=Cause.EXIT, exit_code=2, log_start=10, log_end=20)
    await store.write(lambda tx: tx.steps.save([done]))
    await store.write(lambda tx: tx.steps.save([]))
    assert await store.read(lambda tx: tx.steps.of([key])) == [step(0, key), done]


async def test_steps_are_those_of_the_attempts_asked_for(store: Store) -> None:
    attempts = (attempt(1), attempt(2), attempt(1, job_id=2))
    await store.write(lambda tx: add_attempts(tx, *attempts))
    await store.write(lambda tx: tx.steps.save([step(0, a.key) for a in attempts]))
    wanted = [attempts[2].key, attempts[1].key]
    found = await store.read(lambda tx: tx.steps.of(wanted))
    assert [str(s.attempt) for s in found] == ["1.1.2", "1.2.1"]
    assert not await store.read(lambda tx: tx.steps.of(()))


async def test_a_step_belongs_to_an_attempt(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.steps.save([step(0, attempt().key)]))


async def test_an_attempt_is_found_by_the_token_it_was_claimed_with(store: Store) -> None:
    given = attempt(token="a-token", status=Status.FAILURE)
    await store.write(lambda tx: add_attempts(tx, given))
    assert await store.read(lambda tx: tx.attempts.claimed(given.runner_id, "a-token")) == given
    assert await store.read(lambda tx: tx.attempts.claimed(given.runner_id + 1, "a-token")) is None
    assert await store.read(lambda tx: tx.attempts.claimed(given.runner_id, "another")) is None
