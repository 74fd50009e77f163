"""Logs over REST: whole, by range, by line, and as they grow."""

from dataclasses import replace

import pytest

from flowforge.model.attempt import AttemptKey
from flowforge.model.job_run import JobRun
from flowforge.model.status import Status
from flowforge.ports import Tx
from flowforge.services.progress import EVENTS
from flowforge.testing.clock import EPOCH
from tests.contract.server.asgi import Client
from tests.contract.server.world import World

LOG = b"".join(b"line %d\n" % n for n in range(1000)) + b"\xff\x00<b>no newline"
PATH = "/api/v1/runs/1/jobs/test/log"


@pytest.fixture
async def logged(world: World, client: Client) -> Client:
    await world.failed_run(LOG)
    return client


async def test_the_bytes_are_the_jobs_own(logged: Client) -> None:
    answer = await logged.get(PATH)
    assert answer.body == LOG
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(LOG))
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in answer.headers


async def test_both_paths_and_both_names_of_the_job_serve(logged: Client) -> None:
    for path in ("/pipelines/1/jobs/test/log", "/pipelines/1/jobs/2/log", "/api/v1/runs/1/jobs/2/log"):
        assert (await logged.get(path)).body == LOG


@pytest.mark.parametrize("job", ["main/build", "main%2Fbuild"])
async def test_a_key_with_a_slash_is_a_name_too(world: World, logged: Client, job: str) -> None:
    """As the jobs of several workflows have it."""
    build = JobRun(id=9, run_id=1, key="main/build", name="build", attempt=1, created_at=EPOCH)
    await world.store.write(lambda tx: tx.jobs.add([build]))
    await world.logs.append(AttemptKey(run=1, job=9, number=1), 0, b"built\n")
    for before in ("/api/v1/runs", "/pipelines"):
        assert (await logged.get(f"{before}/1/jobs/{job}/log")).body == b"built\n"
        assert (await logged.send("HEAD", f"{before}/1/jobs/{job}/log")).headers["content-length"] == "6"
    page = await (await world.browser()).get(f"/ui/pipelines/1/jobs/{job}/log")
    assert (page.status, "built" in page.text) == (200, True)


async def test_head_tells_the_length_alone(logged: Client) -> None:
    answer = await logged.send("HEAD", PATH)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(LOG))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100-", 100, len(LOG)),
        ("bytes=-7", len(LOG) - 7, len(LOG)),
        ("bytes=-999999", 0, len(LOG)),
        ("bytes=10-999999", 10, len(LOG)),
        ("bytes=0-" + "9" * 23, 0, len(LOG)),
        ("bytes=-" + "9" * 23, 0, len(LOG)),
    ],
)
async def test_a_range_is_cut_out(logged: Client, asked: str, start: int, end: int) -> None:
    answer = await logged.get(PATH, range=asked)
    assert answer.status == 206
    assert answer.body == LOG[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(LOG)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={len(LOG)}-", "bytes=999999-", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(logged: Client, asked: str) -> None:
    answer = await logged.get(PATH, range=asked)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(LOG)}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=" + "9" * 99 + "-", ""]
)
async def test_a_range_that_is_none_gets_everything(logged: Client, asked: str) -> None:
    answer = await logged.get(PATH, range=asked)
    assert (answer.status, answer.body) == (200, LOG)


async def test_a_range_of_another_version_gets_everything(logged: Client) -> None:
    answer = await logged.get(PATH, range="bytes=0-1", if_range='"older"')
    assert (answer.status, answer.body) == (200, LOG)


async def test_lines_are_counted_from_zero(logged: Client) -> None:
    answer = await logged.get(f"{PATH}?first=10&count=2")
    assert answer.body == b"line 10\nline 11\n"
    assert [answer.headers[f"x-log-{name}"] for name in ("first", "lines", "total")] == ["10", "2", "1001"]
    assert (await logged.get(f"{PATH}?first=5000")).body == b""


@pytest.mark.parametrize(
    "query", ["first=-1", "first=x", "first=0&count=0", "first=0&count=10001", "attempt=0"]
)
async def test_wrong_lines_are_refused(logged: Client, query: str) -> None:
    assert (await logged.get(f"{PATH}?{query}")).status == 422


async def test_a_job_of_another_run_is_not_found(world: World, logged: Client) -> None:
    other = await world.failed_run(after="c" * 40)
    assert (await logged.get(f"/api/v1/runs/{other}/jobs/2/log")).status == 404
    assert (await logged.get("/api/v1/runs/1/jobs/nope/log")).status == 404
    assert (await logged.get(f"{PATH}?attempt=2")).status == 404


async def test_a_job_that_has_not_begun_has_an_empty_log(logged: Client) -> None:
    answer = await logged.get("/api/v1/runs/1/jobs/deploy/log")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


async def test_a_download_has_a_harmless_name(logged: Client) -> None:
    answer = await logged.get(f"{PATH}?download=1")
    assert answer.headers["content-disposition"] == 'attachment; filename="run-1-test.log"'


class TestFollowing:
    async def test_it_goes_on_until_the_log_is_sealed(self, world: World, logged: Client) -> None:
        key = await _again(world)
        async with logged.open("GET", f"{PATH}?follow=1") as exchange:
            await world.logs.append(key, 0, b"one\n")
            await exchange.until(b"one\n")
            assert not exchange.answer.complete
            assert "content-length" not in exchange.answer.headers
            await world.logs.append(key, 4, b"two\n")
            await world.logs.seal(key)
        assert exchange.answer.complete
        assert exchange.answer.body == b"one\ntwo\n"

    async def test_it_can_begin_later(self, logged: Client) -> None:
        answer = await logged.get(f"{PATH}?follow=1&offset={len(LOG) - 3}")
        assert answer.body == LOG[-3:]

    async def test_it_ends_when_the_server_does(self, world: World, logged: Client) -> None:
        key = await _again(world)
        await world.logs.append(key, 0, b"one\n")
        async with logged.open("GET", f"{PATH}?follow=1") as exchange:
            await exchange.until(b"one\n")
            world.app.door.closing.begin()
            async with exchange.changed:
                await exchange.changed.wait_for(lambda: exchange.answer.complete)

    async def test_it_waits_for_a_job_to_begin(self, world: World, logged: Client) -> None:
        run = await world.push(after="d" * 40)
        (job,) = await world.store.write(lambda tx: tx.take_ids("jobs"))
        await world.store.write(lambda tx: tx.jobs.add([_waiting(job, run)]))
        async with logged.open("GET", f"/api/v1/runs/{run}/jobs/late/log?follow=1") as exchange:
            await exchange.until(b"")
            key = AttemptKey(run=run, job=job, number=1)
            await world.logs.append(key, 0, b"begun\n")
            await world.logs.seal(key)
            over = replace(_waiting(job, run), attempt=1, status=Status.SUCCESS)
            await world.store.write(lambda tx: tx.jobs.save(over))
            world.bell.ring(EVENTS)
        assert exchange.answer.body == b"begun\n"

    async def test_it_goes_on_with_the_attempt_that_follows_a_lost_one(
        self, world: World, logged: Client
    ) -> None:
        run = await world.push(after="d" * 40)
        (job,) = await world.store.write(lambda tx: tx.take_ids("jobs"))
        first = replace(_waiting(job, run), attempt=1)
        await world.store.write(lambda tx: tx.jobs.add([first]))
        keys = [AttemptKey(run=run, job=job, number=number) for number in (1, 2)]
        async with logged.open("GET", f"/api/v1/runs/{run}/jobs/late/log?follow=1&offset=2") as exchange:
            for key, job_now in zip(keys, (first, replace(first, attempt=2)), strict=True):
                await world.store.write(lambda tx, job_now=job_now: tx.jobs.save(job_now))
                world.bell.ring(EVENTS)
                await world.logs.append(key, 0, f"try {key.number}\n".encode())
                await exchange.until(f"y {key.number}\n".encode())
                await world.logs.seal(key)
            over = replace(first, attempt=2, status=Status.SUCCESS)
            await world.store.write(lambda tx: tx.jobs.save(over))
            world.bell.ring(EVENTS)
        assert exchange.answer.body == b"y 1\ntry 2\n"

    async def test_it_goes_with_no_part_of_the_log(self, logged: Client) -> None:
        assert (await logged.get(f"{PATH}?follow=1&first=3")).status == 422


async def _again(world: World) -> AttemptKey:
    """A second attempt of the failed job, whose log is not written yet."""
    key = AttemptKey(run=1, job=2, number=2)

    def begin(tx: Tx) -> None:
        job = tx.jobs.get(2)
        assert job is not None
        tx.jobs.save(replace(job, attempt=2))

    await world.store.write(begin)
    return key


def _waiting(id: int, run: int) -> JobRun:
    return JobRun(id=id, run_id=run, key="late", name="late", created_at=EPOCH)
