"""The port `RunnerLink` over HTTP, and how a machine comes to have one."""

from collections.abc import Collection, Sequence
from urllib.parse import urlencode

from flowforge.adapters.link.wire import BASE, Wire, parsed
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.link_call import (
    NEWEST_PROTOCOL,
    OLDEST_PROTOCOL,
    ClaimCall,
    FinishCall,
    HelloCall,
    NoteCall,
    Offer,
    RegisterCall,
    RenewCall,
    ReportCall,
    ResumeCall,
    Standing,
)

SPOKEN = tuple(range(OLDEST_PROTOCOL, NEWEST_PROTOCOL + 1))


async def register(wire: Wire, token: str, offer: Offer) -> Standing:
    """A one-time token against a key: in the answer, and nowhere else ever again. Once only, so never repeated."""
    call = RegisterCall(token=token, protocols=SPOKEN, offer=offer)
    standing: Standing = parsed(Standing, await wire.call("register", "", RegisterCall, call))
    return standing


class HttpLink:
    """`RunnerLink` with this runner's key. Raises `Upstream` where the server does not answer, `NotServing` where it is
    known not to be at work, `Unauthenticated` for a key that is good no more."""

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire = wire
        self._key = key

    async def hello(self, offer: Offer) -> Standing:
        """First of all calls: agrees on the protocol's version."""
        body = await self._wire.call("hello", self._key, HelloCall, HelloCall(protocols=SPOKEN, offer=offer))
        standing: Standing = parsed(Standing, body)
        self._wire.protocol = standing.protocol
        return standing

    async def tell(self, note: str) -> None:
        await self._wire.call("note", self._key, NoteCall, NoteCall(note=note))

    async def claim(self, token: str, wait: float) -> Claim | None:
        call = ClaimCall(token=token, wait=wait)
        body = await self._wire.call("claim", self._key, ClaimCall, call, wait)
        claim: Claim | None = parsed(Claim, body) if body else None
        return claim

    async def resume(self, lease: Lease) -> Claim:
        body = await self._wire.call("resume", self._key, ResumeCall, ResumeCall(lease=lease))
        claim: Claim = parsed(Claim, body)
        return claim

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        call = RenewCall(leases=tuple(leases), wait=wait)
        renewal: Renewal = parsed(Renewal, await self._wire.call("renew", self._key, RenewCall, call, wait))
        return renewal

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        await self._wire.call("report", self._key, ReportCall, ReportCall(lease=lease, steps=tuple(steps)))

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        place = urlencode({"attempt": str(lease.attempt), "offset": offset})
        headers = {"FlowForge-Lease": lease.token, "Content-Type": "application/octet-stream"}
        size: int = parsed(int, await self._wire.post(f"{BASE}/log?{place}", self._key, headers, data))
        return size

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        call = FinishCall(lease=lease, outcome=outcome, steps=tuple(steps))
        await self._wire.call("finish", self._key, FinishCall, call)
