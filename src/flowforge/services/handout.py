"""What a job on another machine needs besides its order, by capability: so far the files of its commit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from flowforge.engine.capability import opened, sealed
from flowforge.errors import Forbidden
from flowforge.model.capability import Capability
from flowforge.model.claim import Claim
from flowforge.model.project import DEFAULT_ORGANISATION
from flowforge.model.source import Source
from flowforge.ports import Clock, SourcePacks, Store, Tx

SOURCE = "source"
LIVES = 24 * 3600
"""Seconds. The attempt has to be alive as well, so this bounds only the clock's part."""


@dataclass(frozen=True, slots=True)
class Handout:
    store: Store
    clock: Clock
    packs: SourcePacks
    key: bytes = field(repr=False)

    def with_capabilities(self, claim: Claim) -> Claim:
        """The same for a machine far away: where to get the source is a path at this server, and the repository's own
        address, which may lie in a network of the server's, stays here."""
        source = claim.order.source
        if source is None:
            return claim
        capability = Capability(
            organisation_id=DEFAULT_ORGANISATION,
            attempt=claim.lease.attempt,
            method="GET",
            object=SOURCE,
            expires=int(self.clock.now().timestamp()) + LIVES,
        )
        away = replace(source, origin=sealed(self.key, capability))
        return replace(claim, order=replace(claim.order, source=away))

    async def source(self, text: str, method: str) -> AsyncIterator[bytes]:
        """Raises `Forbidden` for what is no capability of ours, has expired, or whose attempt is over."""
        capability = opened(self.key, text, method, self.clock.now().timestamp())
        if capability is None or capability.object != SOURCE:
            raise Forbidden("this capability is not valid, or not any more")
        source = await self.store.read(lambda tx: source_of(tx, capability))
        if source is None:
            raise Forbidden("the attempt that this capability was made for is over")
        return self.packs.read(source)


def source_of(tx: Tx, capability: Capability) -> Source | None:
    """Of an attempt that is not over."""
    attempt, job = tx.attempts.get(capability.attempt), tx.jobs.get(capability.attempt.job)
    if attempt is None or attempt.status.terminal or job is None or job.order is None:
        return None
    return job.order.source
