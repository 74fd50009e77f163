"""Held runs, approval jobs and partial re-runs, over REST and on the pages."""

from dataclasses import replace

import pytest

from flowforge.engine.state import Planned
from flowforge.model.job_terms import JobKind, JobTerms
from flowforge.model.run import Run
from flowforge.model.trigger import PullRequest
from flowforge.ports import Tx
from flowforge.services.progress import move_run
from tests.contract.server.asgi import Client
from tests.contract.server.world import World, job

FORK = PullRequest(number=5, target="main", fork=True)
DIGEST = "sha256:feed"


@pytest.fixture
async def client(world: World) -> Client:
    return await world.local()


async def planned(world: World, *, held: str = "") -> int:
    """A gate, and a job behind it; of a fork where it is held."""
    run_id = await world.push()
    now = world.clock.now()

    def plan(tx: Tx) -> None:
        run = tx.runs.get(run_id)
        assert run is not None
        trigger = replace(run.trigger, pull_request=FORK if held else None)
        tx.runs.save(replace(run, trigger=trigger, config_digest=DIGEST))
        tx.jobs.add(_jobs(run))
        move_run(tx, run_id, Planned(held=held), now)

    await world.store.write(plan)
    return run_id


def _jobs(run: Run) -> list:  # type: ignore[type-arg]
    gate = replace(job(1, run, "ok"), terms=JobTerms(kind=JobKind.APPROVAL))
    allowed = replace(job(2, run, "ship", "ok"), terms=JobTerms(allow_failure=True))
    return [gate, allowed]


async def test_a_held_run_is_approved_with_what_was_seen(world: World, client: Client) -> None:
    run_id = await planned(world, held="from a fork: waits")
    held = (await client.get(f"/api/v1/runs/{run_id}")).json
    assert (held["status"], held["gate"], held["reason"]) == ("waiting", "approval", "from a fork: waits")
    assert [each["reason"] for each in held["jobs"]] == ["from a fork: waits"] * 2
    other = await client.post(f"/api/v1/runs/{run_id}/approve", {"commit": "f" * 40})
    assert other.status == 409
    seen = {"commit": held["commit"], "config_digest": held["config_digest"]}
    answer = await client.post(f"/api/v1/runs/{run_id}/approve", seen)
    assert (answer.status, answer.json["gate"]) == (200, None)
    assert answer.json["approval"] == {**seen, "by": "local command line", "at": "2026-01-01T00:00:00Z"}
    assert (await client.post(f"/api/v1/runs/{run_id}/approve")).status == 409


async def test_a_gate_is_opened_by_key(world: World, client: Client) -> None:
    run_id = await planned(world)
    waiting = (await client.get(f"/api/v1/runs/{run_id}")).json
    assert waiting["reason"] == 'job "ok" waits for an approval'
    assert [(each["kind"], each["status"]) for each in waiting["jobs"]] == [
        ("approval", "waiting"),
        ("work", "pending"),
    ]
    answer = await client.post(f"/api/v1/runs/{run_id}/jobs/ok/approve")
    assert [each["reason"] for each in answer.json["jobs"]] == [
        "approved by local command line",
        "waits for a runner: none is online",
    ]


async def test_the_page_of_a_held_run_approves_exactly_what_it_shows(world: World) -> None:
    browser = await world.browser()
    run_id = await planned(world, held="from a fork: waits")
    page = (await browser.get(f"/ui/pipelines/{run_id}")).text
    target = f"/ui/pipelines/{run_id}/approve?commit={'a' * 40}&amp;config=sha256%3Afeed"
    assert f'action="{target}"' in page
    wrong = await browser.post(f"/ui/pipelines/{run_id}/approve?commit=0000")
    assert wrong.status == 409
    assert (await browser.post(target.replace("&amp;", "&"))).status == 303
    page = (await browser.get(f"/ui/pipelines/{run_id}")).text
    assert f'action="/ui/pipelines/{run_id}/jobs/1/approve"' in page
    assert (await browser.post(f"/ui/pipelines/{run_id}/jobs/1/approve")).status == 303


async def test_what_failed_runs_again_and_the_rest_is_kept(world: World, client: Client) -> None:
    run_id = await world.failed_run()
    answer = await client.post(f"/api/v1/runs/{run_id}/rerun", {"failed": True})
    assert answer.status == 201
    assert [(each["status"], each["kept_from"] is not None) for each in answer.json["jobs"]] == [
        ("success", True),
        ("pending", False),
        ("pending", False),
    ]
    assert (await client.post(f"/api/v1/runs/{run_id}/rerun", {"job": "deploy"})).status == 409
    one = await client.post(f"/api/v1/runs/{run_id}/rerun", {"job": "test"})
    assert [each["status"] for each in one.json["jobs"]] == ["success", "pending", "skipped"]


async def test_every_attempt_is_shown_and_an_allowed_failure_has_its_own_word(world: World) -> None:
    run_id = await world.failed_run()

    def allow(tx: Tx) -> None:
        failed = tx.jobs.of((run_id,))[1]
        tx.jobs.save(replace(failed, terms=JobTerms(allow_failure=True)))

    await world.store.write(allow)
    (_, failed, _) = (await (await world.local()).get(f"/api/v1/runs/{run_id}")).json["jobs"]
    assert (failed["allowed_failure"], [each["number"] for each in failed["attempts"]]) == (True, [1])
    page = (await (await world.browser()).get(f"/ui/pipelines/{run_id}")).text
    assert "Failed (allowed)" in page
    assert 'data-s="allowed"' in page
