"""The server's side of the runner link. Who the runner is comes from its credential, never from what it says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flowforge.engine.plan import complete
from flowforge.errors import LeaseLost, NotConfigured, SealBroken
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.order import JobOrder
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, Listener, Logs, Store, Vault
from flowforge.services.attempts import (
    End,
    beat,
    close,
    live,
    note_steps,
    order_of,
    own,
    refuse,
    renewal_of,
    scope_of,
)
from flowforge.services.claiming import Taken, Turns, is_worth_asking, take
from flowforge.services.progress import EVENTS, JOBS, STOPS
from flowforge.services.runners import runner_of

REMEMBERED = 10_000
"""Of leases and refused calls, what is known without a question to the store."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Newest(Generic[K, V]):
    """What was learnt here last; of anything older the store is asked."""

    _known: dict[K, V] = field(default_factory=dict)

    def learn(self, key: K, value: V) -> None:
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = value

    def get(self, key: K) -> V | None:
        return self._known.get(key)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every runner's link shares."""

    store: Store
    logs: Logs
    bell: Bell
    clock: Clock
    vault: Vault
    turns: Turns = field(default_factory=Turns)
    owners: Newest[Lease, int] = field(default_factory=Newest)
    """The runner that was handed it."""
    refusals: Newest[tuple[AttemptKey, str], int] = field(default_factory=Newest)
    """The runner whose call of this kind left its trace."""

    async def admit(self, key: str) -> "Link":
        """The link of the runner whose key this is; Unauthenticated where it is nobody's."""
        runner = await self.store.read(lambda tx: runner_of(tx, key))
        return Link(self, runner.id)


@dataclass(frozen=True, slots=True)
class Link:
    """`RunnerLink` for one runner."""

    desk: Desk
    runner_id: int

    async def claim(self, token: str, wait: float) -> Claim | None:
        desk = self.desk
        deadline = desk.clock.monotonic() + wait
        rung = desk.bell.listen(JOBS)
        while True:
            taken = await self._take(token)
            if taken:
                return await self._with_secrets(taken)
            left = deadline - desk.clock.monotonic()
            if left <= 0:
                return None
            await self._until_promising(rung, deadline)

    async def _until_promising(self, rung: Listener, deadline: float) -> None:
        """Everybody who waits hears of a ready job: who may not take it leaves the writer to the others."""
        desk = self.desk
        while (left := deadline - desk.clock.monotonic()) > 0:
            await rung.wait(left)
            if await desk.store.read(lambda tx: is_worth_asking(tx, self.runner_id)):
                return

    async def _take(self, token: str) -> Taken | None:
        desk, now = self.desk, self.desk.clock.now()
        taken = await desk.store.write(
            lambda tx: take(tx, self.runner_id, token, now, desk.turns), urgent=True
        )
        if taken and not taken.again:
            desk.turns.had(taken.project_id)
            desk.bell.ring(EVENTS)
            desk.owners.learn(taken.lease, self.runner_id)
        return taken

    async def resume(self, lease: Lease) -> Claim:
        order = await self.desk.store.read(lambda tx: order_of(tx, self.runner_id, lease))
        if order is None:
            raise await self._refused(lease, "resume")
        return Claim(lease=lease, order=complete(order))

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        desk = self.desk
        now = desk.clock.now()
        rung = desk.bell.listen(STOPS)
        renewal = await desk.store.write(lambda tx: beat(tx, self.runner_id, leases, now), urgent=True)
        deadline = desk.clock.monotonic() + wait
        while renewal == Renewal() and (left := deadline - desk.clock.monotonic()) > 0:
            await rung.wait(left)
            renewal = await desk.store.read(lambda tx: renewal_of(tx, self.runner_id, leases))
        return renewal

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        now = self.desk.clock.now()
        held = await self.desk.store.write(lambda tx: note_steps(tx, self.runner_id, lease, steps, now))
        self.desk.bell.ring(EVENTS)
        if not held:
            raise await self._refused(lease, "report")

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        held = await self.desk.store.read(lambda tx: live(tx, self.runner_id, lease))
        if held is None:
            raise await self._refused(lease, "append_log")
        return await self.desk.logs.append(lease.attempt, offset, data)

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        desk = self.desk
        if not await self._is_own(lease):
            raise await self._refused(lease, "finish")
        size = await desk.logs.seal(lease.attempt)
        end = End(outcome=outcome, steps=steps, log_size=size.bytes, at=desk.clock.now())
        moved = await desk.store.write(lambda tx: close(tx, self.runner_id, lease, end), urgent=True)
        desk.bell.ring(EVENTS)
        if moved is None:
            raise await self._refused(lease, "finish")
        moved.ring(desk.bell)

    async def _is_own(self, lease: Lease) -> bool:
        """Also of one that is over: whose an attempt is never changes."""
        desk = self.desk
        if desk.owners.get(lease) == self.runner_id:
            return True
        return await desk.store.read(lambda tx: own(tx, self.runner_id, lease)) is not None

    async def _refused(self, lease: Lease, call: str) -> LeaseLost:
        """A trace of each kind of call is left once, and of attempts that are the caller's invention none: whoever calls
        for ever must not fill the disk."""
        desk, key = self.desk, lease.attempt
        is_news = desk.refusals.get((key, call)) is None
        if is_news and await desk.store.read(lambda tx: tx.attempts.get(key) is not None):
            now = desk.clock.now()
            await desk.store.write(lambda tx: refuse(tx, self.runner_id, lease, call, now))
            desk.refusals.learn((key, call), self.runner_id)
            desk.bell.ring(EVENTS)
        return LeaseLost(f"attempt {key} was superseded or is over")

    async def _with_secrets(self, taken: Taken) -> Claim | None:
        """None where a declared secret has no value, or none that can be opened: the job is over then, and says which."""
        lease, order = taken.lease, taken.order
        try:
            values = await self._secrets(lease, order)
        except (NotConfigured, SealBroken) as error:
            outcome = Outcome(status=Status.FAILURE, cause=Cause.INFRASTRUCTURE, reason=error.message)
            await self.finish(lease, outcome)
            return None
        missing = ", ".join(ref.name for ref in order.secrets if ref.name not in values)
        if not missing:
            return Claim(lease=lease, order=complete(order), secrets=values)
        reason = f"no value is set for the declared secret {missing}"
        await self.finish(lease, Outcome(status=Status.FAILURE, cause=Cause.CONFIG, reason=reason))
        return None

    async def _secrets(self, lease: Lease, order: JobOrder) -> Mapping[str, str]:
        if not (order.secrets or order.secret_groups):
            return {}
        scope = await self.desk.store.read(lambda tx: scope_of(tx, lease.attempt, order.secret_groups))
        return await self.desk.vault.values(scope, [ref.name for ref in order.secrets])
