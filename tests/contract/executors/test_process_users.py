"""Jobs of a root server as plain processes: each is somebody of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flowforge.adapters.executors.process import ProcessExecutor
from flowforge.adapters.executors.process.users import Users
from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.status import Cause, Status
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, Lodge, new_site, script

NUMBERS = range(58900, 58910)
OTHER = AttemptKey(run=8, job=1, number=1)


@pytest.fixture
async def numbered(tmp_path: Path) -> AsyncIterator[Lodge]:
    site, sources = new_site(tmp_path), FakeSources({})
    async with ProcessExecutor(site, sources, users=NUMBERS) as process:
        yield Lodge(kind="process", executor=process, site=site, sources=sources)


@pytest.mark.needs("root")
async def test_jobs_at_the_same_time_are_different_users_with_a_limit_of_processes(numbered: Lodge) -> None:
    order = numbered.order("id -u; id -g; ulimit -u; touch mine ~/mine; sleep 0.3", "stat -c %u . mine ~")
    stories = await asyncio.gather(*(numbered.run(order, key=key) for key in (KEY, OTHER)))
    seen = [story.outputs[0].decode().split() for story in stories]
    assert seen[0][0] != seen[1][0]
    for (user, group, limit), story in zip(seen, stories, strict=True):
        assert int(user) in NUMBERS
        assert (group, limit) == (user, "1024")
        assert story.outputs[1].decode().split() == [user] * 3


@pytest.mark.needs("root")
async def test_a_fork_bomb_ends_with_its_step_and_harms_no_other(numbered: Lodge) -> None:
    bomb = numbered.order(script(0, "bomb() { bomb | bomb & }; ulimit -u 60; bomb; sleep 60", timeout=0.5))
    ended, other = await asyncio.gather(
        numbered.run(bomb), numbered.run(numbered.order("echo $(echo fine)"), key=OTHER)
    )
    assert ended.exits[0].status is Status.FAILURE
    assert ended.exits[0].cause in (Cause.TIMEOUT, Cause.EXIT)
    assert other.text == "fine\n"
    assert not _at_work() & set(NUMBERS)


def _at_work() -> set[int]:
    return {_owner(path) for path in Path("/proc").glob("[0-9]*")}


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def test_an_attempt_keeps_its_number_over_a_restart_until_it_is_given_back(tmp_path: Path) -> None:
    number = Users(tmp_path, NUMBERS).take(KEY)
    again = Users(tmp_path, NUMBERS)
    assert again.take(KEY) == number
    assert again.take(OTHER) != number
    again.give_back(KEY)
    again.sweep((OTHER,))
    assert [path.read_text() for path in tmp_path.iterdir()] == [str(again.take(OTHER))]
    again.sweep(())
    again.give_back(OTHER)
    assert list(tmp_path.iterdir()) == []


def test_when_all_numbers_are_taken_the_job_waits_for_one(tmp_path: Path) -> None:
    users = Users(tmp_path, range(58900, 58901))
    users.take(KEY)
    with pytest.raises(EngineUnavailable, match="all users from 58900 to 58900 have jobs"):
        users.take(OTHER)
