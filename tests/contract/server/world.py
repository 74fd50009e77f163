"""A server's insides in memory, with runs in every state."""

import hmac
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.job_run import JobRun
from flowforge.model.run import Run
from flowforge.model.status import Cause, Status
from flowforge.model.step_run import StepRun
from flowforge.ports import Tx
from flowforge.server.app import Application, DoorSettings, Ground, Services, Trust, create_app
from flowforge.services.access import Access
from flowforge.services.browse import Browse
from flowforge.services.control import Control
from flowforge.services.enrolment import Enrolment
from flowforge.services.handout import Handout
from flowforge.services.intake import Intake
from flowforge.services.link import Desk
from flowforge.services.reception import Reception
from flowforge.services.runners import Runners
from flowforge.services.secrets import Secrets
from flowforge.testing.bell import MemoryBell
from flowforge.testing.clock import ManualClock
from flowforge.testing.logs import MemoryLogs
from flowforge.testing.sealer import FakeSealer
from flowforge.testing.sources import FakePacks
from flowforge.testing.store import MemoryStore
from flowforge.testing.vault import FakeVault
from tests.contract.server.asgi import Answer, Client

SECRET = b"shared with the forge"
PUBLIC = "https://ci.example"
PLAIN_COOKIE = "flowforge-session-fb6dbe33"
HOST_COOKIE = "__Host-flowforge-fb6dbe33"
SETTINGS = DoorSettings(
    version="1.2.3", public_url=PUBLIC, webhook_secret=SECRET, webhook_max_bytes=64 * 1024
)


@dataclass
class World:
    store: MemoryStore
    logs: MemoryLogs
    bell: MemoryBell
    clock: ManualClock
    services: Services
    app: Application

    @property
    def anyone(self) -> Client:
        return Client(self.app)

    async def local(self) -> Client:
        """The command line on the server's own machine."""
        return Client(self.app, {"authorization": f"Bearer {await self.services.access.local_token()}"})

    async def browser(self) -> Client:
        """Signed in over plain http."""
        session, _ = await self.services.access.redeem(await self.services.access.link("/ui"))
        return Client(self.app, {"cookie": f"{PLAIN_COOKIE}={session}", "sec-fetch-site": "same-origin"})

    async def push(self, **changes: object) -> int:
        """The id of the run that it starts."""
        answer = await deliver(self.anyone, push_body(**changes))
        assert answer.status == 200, answer.text
        return int(answer.json["pipeline_id"])

    async def failed_run(self, log: bytes = b"compiling\nerror: no such file\n", **changes: object) -> int:
        """Three jobs: one passed, one failed at its second step, one did not run for it."""
        run_id = await self.push(**changes)
        key = await self.store.write(lambda tx: fail_run(tx, run_id, len(log), self.clock))
        await self.logs.append(key, 0, log)
        await self.logs.seal(key)
        return run_id


def new_world(settings: DoorSettings = SETTINGS) -> World:
    store, logs, bell, clock = MemoryStore(), MemoryLogs(), MemoryBell(), ManualClock()
    services = Services(
        intake=Intake(store, bell, clock),
        control=Control(store, bell, clock),
        browse=Browse(store, clock),
        runners=Runners(store, clock),
        trust=Trust(access=Access(store, clock), secrets=Secrets(store, FakeSealer(), bell, clock)),
        ground=Ground(store=store, logs=logs, bell=bell, clock=clock),
    )
    reception = Reception(
        desk=Desk(store, logs, bell, clock, FakeVault()),
        enrolment=Enrolment(store, clock),
        handout=Handout(store, clock, FakePacks(), b"a key for capabilities"),
        lease=60,
    )
    return World(store, logs, bell, clock, services, create_app(services, settings, reception))


def push_body(**changes: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": "a" * 40,
        "repository": {
            "id": 4711,
            "full_name": "tools/saw",
            "html_url": "https://forge.example/tools/saw",
            "clone_url": "https://forge.example/tools/saw.git",
            "default_branch": "main",
        },
        "head_commit": {"message": "Sharpen the saw", "author": {"username": "someone"}},
    }
    return body | changes


async def deliver(client: Client, body: object, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.digest(SECRET, raw, sha256).hex()
    usual = {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": sha256(raw).hexdigest()[:32],
        "x-hub-signature-256": f"sha256={signature}",
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {name: value for name, value in (usual | named).items() if value}
    return await client.send("POST", "/webhook", merged, [raw])


def fail_run(tx: Tx, run_id: int, log_size: int, clock: ManualClock) -> AttemptKey:
    """The key of the failed job's attempt."""
    run = tx.runs.get(run_id)
    assert run is not None
    began, ended = clock.now(), clock.now() + timedelta(seconds=7)
    ids = tx.take_ids("jobs", 3)
    jobs = [job(ids[0], run, "build"), job(ids[1], run, "test", "build"), job(ids[2], run, "deploy", "test")]
    over = {"started_at": began, "finished_at": ended, "attempt": 1, "runner": "local", "image": "busybox"}
    test = replace(jobs[1], status=Status.FAILURE, cause=Cause.EXIT, reason="step Check ended with 2", **over)
    tx.jobs.add([replace(jobs[0], status=Status.SUCCESS, **over), test])
    tx.jobs.add([replace(jobs[2], status=Status.SKIPPED, cause=Cause.NEEDS, finished_at=ended)])
    key = AttemptKey(run=run_id, job=ids[1], number=1)
    tx.attempts.add(Attempt(key=key, runner_id=1, token="t", status=Status.FAILURE, log_size=log_size))
    tx.steps.save(
        [
            step(key, 0, "Checkout", Status.SUCCESS, 0, 10, clock),
            step(key, 1, "Check", Status.FAILURE, 10, log_size, clock),
        ]
    )
    whole = replace(run, planned_at=began, started_at=began, finished_at=ended, status=Status.FAILURE)
    tx.runs.save(replace(whole, cause=Cause.EXIT, reason="test failed"))
    return key


def job(id: int, run: Run, key: str, *needs: str) -> JobRun:
    return JobRun(id=id, run_id=run.id, key=key, name=key, needs=needs, created_at=run.created_at)


def step(
    key: AttemptKey, index: int, name: str, status: Status, start: int, end: int, clock: ManualClock
) -> StepRun:
    failed = status is Status.FAILURE
    return StepRun(
        attempt=key,
        index=index,
        name=name,
        status=status,
        cause=Cause.EXIT if failed else None,
        exit_code=2 if failed else 0,
        started_at=clock.now(),
        finished_at=clock.now() + timedelta(seconds=3),
        log_start=start,
        log_end=end,
    )
