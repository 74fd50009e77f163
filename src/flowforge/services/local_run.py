"""A run without a server: its state in memory, moved by the same table, its jobs handed to the same agent."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from flowforge.engine.machine import advance
from flowforge.engine.mask import Masker
from flowforge.engine.retry import ON_LOSS
from flowforge.engine.state import (
    CancelAsked,
    Claimed,
    Finished,
    JobState,
    LeftOut,
    OneJobEvent,
    Opened,
    Phase,
    Planned,
    RunEvent,
    RunPhase,
    RunState,
    TurnCame,
)
from flowforge.errors import LeaseLost
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.status import Cause, Status
from flowforge.ports import Clock
from flowforge.services.local_events import JobFinished, JobResult, JobStarted, LocalEvent, RunFinished
from flowforge.services.local_job import LocalJob

_HELD = (Phase.RUNNING, Phase.STOPPING)
_TAKEN = (Phase.READY, *_HELD)

Tell = Callable[[LocalEvent], None]


class LocalRun:
    """`tell` hears every event at once, `RunFinished` as the last. `secrets` are masked in all that it hears, also
    where a job did not declare them.

    Whoever started it stands beside it: approval jobs are open. What broke on this machine is not tried again by itself,
    but what a job's own rules name is, and without a pause."""

    def __init__(self, plan: Plan, secrets: Mapping[str, str], clock: Clock, tell: Tell) -> None:
        self.jobs = {
            planned.order.key: LocalJob(id=number, order=planned.order, masker=Masker(secrets))
            for number, planned in enumerate(plan.jobs, start=1)
        }
        self._by_id = {job.id: job for job in self.jobs.values()}
        states = {job.order.key: _state(job, plan.skip) for job in plan.jobs}
        self._state = RunState(jobs=states, on_failure=plan.on_failure)
        self._secrets = secrets
        self._clock = clock
        self._tell = tell
        self._began = clock.monotonic()
        self._changed = asyncio.Event()
        self.move(LeftOut(reason=plan.skip) if plan.skip else Planned())

    @property
    def status(self) -> Status:
        return self._state.status

    def link(self) -> "MemoryLink":
        return MemoryLink(self, self._clock)

    def cancel(self, reason: str) -> None:
        self.move(CancelAsked(reason=reason))

    async def over(self) -> None:
        """Until every job came to its end."""
        while self._state.phase is not RunPhase.OVER:
            await self.change()

    async def change(self) -> None:
        """Until the state is another one."""
        await self._changed.wait()

    def tell(self, events: Iterable[LocalEvent]) -> None:
        for event in events:
            self._tell(event)

    def take(self, token: str) -> Claim | None:
        """What was taken under this token before, else the first job that is ready, as a new attempt."""
        before = next((job for job in self.jobs.values() if job.token == token), None)
        if before is not None:
            if self._state.jobs[before.order.key].phase not in _HELD:
                raise LeaseLost(f"attempt {before.key} is over")
            return self.handed(before)
        key = next((key for key, job in self._state.jobs.items() if job.phase is Phase.READY), None)
        if key is None:
            return None
        job = self.jobs[key]
        job.begin(token, self._clock.monotonic())
        self.move(Claimed(key=key))
        self._tell(JobStarted(job=key, attempt=job.attempt))
        return self.handed(job)

    def handed(self, job: LocalJob) -> Claim:
        declared = {ref.name for ref in job.order.secrets}
        grouped = bool(job.order.secret_groups)  # nobody knows here what is in a group: all that was given
        values = {name: value for name, value in self._secrets.items() if grouped or name in declared}
        return Claim(lease=job.lease, order=job.order, secrets=values)

    def stand(self, lease: Lease) -> tuple[LocalJob, Phase] | None:
        """The job whose newest attempt this is, and where it stands."""
        job = self._by_id.get(lease.attempt.job)
        if job is None or job.lease != lease:
            return None
        return job, self._state.jobs[job.order.key].phase

    def move(self, event: RunEvent) -> None:
        before, self._state = self._state, advance(self._state, event)
        if self._state is before:
            return
        while opening := self._opening():
            self._state = advance(self._state, opening)
        for key, job in self._state.jobs.items():
            if job.phase is Phase.OVER and before.jobs[key].phase is not Phase.OVER:
                self._tell(_job_finished(job, self.jobs[key]))
        if self._state.phase is RunPhase.OVER:
            self._tell(self._result())
        self._changed.set()
        self._changed = asyncio.Event()

    def _opening(self) -> OneJobEvent | None:
        """What a server would wait for and nobody has to wait for here."""
        jobs = self._state.jobs.values()
        turns = _turns(jobs)
        for job in jobs:
            if job.phase is Phase.GATED:
                return Opened(key=job.key, by="whoever runs it here")
            if job.phase is Phase.QUEUED and turns.get(job.terms.serial_group, _who(job)) == _who(job):
                return TurnCame(key=job.key)
        return None

    def _result(self) -> RunFinished:
        return RunFinished(
            status=self._state.status,
            reason=self._state.reason,
            seconds=self._clock.monotonic() - self._began,
            jobs=tuple(_job_result(job, self.jobs[key]) for key, job in self._state.jobs.items()),
        )


def _state(job: PlannedJob, skip: str) -> JobState:
    """`skip` says why the whole run is left out."""
    state = JobState(key=job.order.key, needs=job.needs, terms=job.terms, built_in=(ON_LOSS,))
    if not skip:
        return state
    reason = job.terms.skip or skip
    return replace(state, phase=Phase.OVER, status=Status.SKIPPED, cause=Cause.FILTER, reason=reason)


def _turns(jobs: Collection[JobState]) -> dict[str, str]:
    """Who has the turn of each serial group: a job that was offered, or its unit until that is over."""
    begun = {job.terms.serial_unit for job in jobs if job.phase in _TAKEN or job.attempt} - {""}
    return {
        job.terms.serial_group: _who(job)
        for job in jobs
        if job.terms.serial_group
        and (job.phase in _TAKEN or (job.phase is not Phase.OVER and job.terms.serial_unit in begun))
    }


def _who(job: JobState) -> str:
    return job.terms.serial_unit or job.key


class MemoryLink:
    """`RunnerLink` for the one runner of a local run."""

    def __init__(self, run: LocalRun, clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._told: set[Lease] = set()

    async def claim(self, token: str, wait: float) -> Claim | None:
        deadline = self._clock.monotonic() + wait
        while (claim := self._run.take(token)) is None and await self._changed_before(deadline):
            pass
        return claim

    async def resume(self, lease: Lease) -> Claim:
        return Claim(lease=lease, order=self._held(lease).order)

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        """A stop is told once: there is one listener, and it is in this process."""
        deadline = self._clock.monotonic() + wait
        while (news := self._news(leases)) == Renewal() and await self._changed_before(deadline):
            pass
        self._told.update(lease for lease in leases if lease.attempt in news.stop)
        return news

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        job = self._held(lease)
        for step in steps:
            self._run.tell(job.note(step))

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        job = self._held(lease)
        self._run.tell(job.take(offset, data))
        return job.size

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        if self._phase(lease) is Phase.OVER:
            return
        await self.report(lease, steps)
        job = self._held(lease)
        self._run.tell(job.end(self._clock.monotonic()))
        earlier = tuple(job.failures)
        finished = Finished(key=job.order.key, outcome=outcome, exit_code=job.failing_code(), earlier=earlier)
        job.failures.append(finished.failure)
        self._run.move(finished)

    def _news(self, leases: Collection[Lease]) -> Renewal:
        phases = {lease: self._phase(lease) for lease in leases}
        stop = {lease.attempt for lease, phase in phases.items() if phase is Phase.STOPPING}
        told = {lease.attempt for lease in self._told}
        # One that just ended is in its runner's hands for a moment yet, and not lost to another.
        lost = {lease.attempt for lease, phase in phases.items() if phase not in (*_HELD, Phase.OVER)}
        return Renewal(stop=frozenset(stop - told), lost=frozenset(lost))

    def _phase(self, lease: Lease) -> Phase | None:
        stand = self._run.stand(lease)
        return stand[1] if stand else None

    def _held(self, lease: Lease) -> LocalJob:
        stand = self._run.stand(lease)
        if stand is None or stand[1] not in _HELD:
            raise LeaseLost(f"attempt {lease.attempt} was superseded or is over")
        return stand[0]

    async def _changed_before(self, deadline: float) -> bool:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            return False
        try:
            async with asyncio.timeout(left):
                await self._run.change()
        except TimeoutError:
            return False
        return True


def _job_finished(state: JobState, job: LocalJob) -> JobFinished:
    return JobFinished(
        job=state.key, status=state.status, cause=state.cause, reason=state.reason, seconds=job.seconds
    )


def _job_result(state: JobState, job: LocalJob) -> JobResult:
    return JobResult(
        name=state.key,
        status=state.status,
        cause=state.cause,
        reason=state.reason,
        seconds=job.seconds,
        steps=job.results(),
    )
