"""A small world for use cases: a store, a clock and what comes in."""

import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property

from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.pipeline_config import OnFailure, PipelineConfig
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.push import ForgeRepository, Happening
from flowforge.model.run import Run
from flowforge.model.secret_ref import SecretRef
from flowforge.model.source import Source
from flowforge.model.step_spec import Script
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent
from flowforge.ports import RunnerLink, Tx
from flowforge.services.intake import Intake
from flowforge.services.link import Desk
from flowforge.services.prepare import Config, save_plan
from flowforge.services.runners import Runners
from flowforge.testing.bell import MemoryBell
from flowforge.testing.clock import ManualClock
from flowforge.testing.logs import MemoryLogs
from flowforge.testing.store import MemoryStore
from flowforge.testing.vault import FakeVault

REPOSITORY = ForgeRepository(
    forge="github",
    origin="https://github.example",
    native_id="42",
    name="acme/web",
    clone_url="https://github.example/acme/web.git",
    default_branch="main",
)


def push(number: int = 1, *, repository: ForgeRepository = REPOSITORY, delivery: str = "") -> Happening:
    commit = f"{number:040x}"
    trigger = Trigger(
        event=TriggerEvent.PUSH,
        repository=repository.name,
        commit=commit,
        ref="refs/heads/main",
        branch="main",
        title=f"change {number}",
        author="ann",
    )
    return Happening(
        repository=repository,
        trigger=trigger,
        event="push",
        place=f"{repository.native_id}:main",
        key=f"{repository.native_id}:main:{commit}",
        delivery_id=delivery or f"d{number}",
    )


def order(key: str, steps: int = 1, declares: tuple[str, ...] = ()) -> JobOrder:
    return JobOrder(
        key=key,
        name=key,
        steps=tuple(StepOrder(index=i, name=f"step {i}", do=Script(text="true")) for i in range(steps)),
        image="busybox",
        secrets=tuple(SecretRef(name=name) for name in declares),
    )


def a_token() -> str:
    """As a runner makes one for each claim."""
    return secrets.token_urlsafe(24)


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    bell: MemoryBell = field(default_factory=MemoryBell)
    clock: ManualClock = field(default_factory=ManualClock)
    logs: MemoryLogs = field(default_factory=MemoryLogs)
    vault: FakeVault = field(default_factory=FakeVault)

    async def pushed(self, number: int = 1, *, pull_request: PullRequest | None = None) -> int:
        happening = push(number)
        trigger = replace(happening.trigger, pull_request=pull_request)
        happening = replace(happening, trigger=trigger)
        receipt = await Intake(self.store, self.bell, self.clock).accept(happening, b"{}")
        return receipt.run_ids[0]

    async def planned(
        self, needs: dict[str, str], *, number: int = 1, on_failure: OnFailure = OnFailure.STOP
    ) -> int:
        """A run whose jobs are `needs`: key to the keys it waits for, separated by spaces."""
        jobs = tuple(PlannedJob(order=order(key), needs=tuple(text.split())) for key, text in needs.items())
        return await self.planned_as(Plan(jobs=jobs, on_failure=on_failure), number=number)

    async def planned_as(
        self, plan: Plan, *, number: int = 1, pull_request: PullRequest | None = None
    ) -> int:
        run_id = await self.pushed(number, pull_request=pull_request)
        await self.plan(run_id, plan, number=number)
        return run_id

    async def plan(self, run_id: int, plan: Plan, *, number: int = 1) -> None:
        source = Source(origin=REPOSITORY.clone_url, commit=f"{number:040x}")
        pipeline = PipelineConfig(name="ci", dialect="native", path=".flowforge/ci.yml", jobs=())
        config = Config(path=".flowforge/ci.yml", text="jobs: {}", pipeline=pipeline)
        now = self.clock.now()
        await self.store.write(lambda tx: save_plan(tx, run_id, source, config, plan, now))

    async def runner(self) -> RunnerLink:
        runners = Runners(self.store, self.clock)
        runner = await runners.enrol_local(2, "docker")
        return await self.reach(await runners.issue_key(runner.id))

    async def reach(self, key: str) -> RunnerLink:
        """The link of the runner whose key this is."""
        return await self.desk.admit(key)

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.store, self.logs, self.bell, self.clock, self.vault)

    async def run(self, run_id: int) -> Run:
        run = await self.store.read(lambda tx: tx.runs.get(run_id))
        assert run is not None
        return run

    async def statuses(self, run_id: int) -> dict[str, str]:
        jobs = await self.store.read(lambda tx: tx.jobs.of((run_id,)))
        return {job.key: job.status.value for job in jobs}

    async def kinds(self) -> list[str]:
        def kinds(tx: Tx) -> list[str]:
            return [event.kind.value for event in tx.events.since(0, 1000)]

        return await self.store.read(kinds)
