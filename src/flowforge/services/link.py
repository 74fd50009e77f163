"""The server's side of the runner link. Who the runner is comes from its credential, never from what it says."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flowforge.errors import LeaseLost
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.order import JobOrder
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, Logs, Store, Vault
from flowforge.services.attempts import beat, close, live, note_steps, order_of, own, renewal_of, take
from flowforge.services.progress import EVENTS, JOBS, STOPS
from flowforge.services.runners import runner_of


@dataclass(frozen=True, slots=True)
class Desk:
    """What every runner's link shares."""

    store: Store
    logs: Logs
    bell: Bell
    clock: Clock
    vault: Vault

    async def admit(self, key: str) -> "Link":
        """The link of the runner whose key this is; Unauthenticated where it is nobody's."""
        runner = await self.store.read(lambda tx: runner_of(tx, key))
        return Link(self, runner.id)


@dataclass(frozen=True, slots=True)
class Link:
    """`RunnerLink` for one runner."""

    desk: Desk
    runner_id: int

    async def claim(self, wait: float) -> Claim | None:
        desk = self.desk
        deadline = desk.clock.monotonic() + wait
        rung = desk.bell.listen(JOBS)
        while True:
            token, now = secrets.token_urlsafe(24), desk.clock.now()
            claimed = await desk.store.write(lambda tx: take(tx, self.runner_id, token, now), urgent=True)  # noqa: B023
            if claimed:
                desk.bell.ring(EVENTS)
                if claim := await self._with_secrets(*claimed):
                    return claim
                continue
            left = deadline - desk.clock.monotonic()
            if left <= 0:
                return None
            await rung.wait(left)

    async def resume(self, lease: Lease) -> Claim:
        order = await self.desk.store.read(lambda tx: order_of(tx, self.runner_id, lease))
        if order is None:
            raise _lost(lease)
        return Claim(lease=lease, order=order)

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
            raise _lost(lease)

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        held = await self.desk.store.read(lambda tx: live(tx, self.runner_id, lease))
        if held is None:
            raise _lost(lease)
        return await self.desk.logs.append(lease.attempt, offset, data)

    async def finish(self, lease: Lease, outcome: Outcome) -> None:
        desk = self.desk
        attempt = await desk.store.read(lambda tx: own(tx, self.runner_id, lease))
        if attempt is None:
            raise _lost(lease)
        size = await desk.logs.seal(lease.attempt)
        now = desk.clock.now()
        moved = await desk.store.write(
            lambda tx: close(tx, self.runner_id, lease, outcome, size.bytes, now), urgent=True
        )
        desk.bell.ring(EVENTS)
        if moved is None:
            raise _lost(lease)
        moved.ring(desk.bell)

    async def _with_secrets(self, lease: Lease, order: JobOrder) -> Claim | None:
        """None where a declared secret has no value: the job is over then, and says which."""
        values = self._secrets(order)
        missing = ", ".join(ref.name for ref in order.secrets if ref.name not in values)
        if not missing:
            return Claim(lease=lease, order=order, secrets=values)
        reason = f"no value is set for the declared secret {missing}"
        await self.finish(lease, Outcome(status=Status.FAILURE, cause=Cause.CONFIG, reason=reason))
        return None

    def _secrets(self, order: JobOrder) -> dict[str, str]:
        values = {ref.name: self.desk.vault.get(ref.name) for ref in order.secrets}
        return {name: value for name, value in values.items() if value is not None}


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"attempt {lease.attempt} was superseded or is over")
