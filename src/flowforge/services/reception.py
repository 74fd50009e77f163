"""All that runners on other machines meet."""

from dataclasses import dataclass

from flowforge.errors import ProtocolRefused
from flowforge.model.link_call import (
    NEWEST_PROTOCOL,
    OLDEST_PROTOCOL,
    HelloCall,
    RegisterCall,
    Standing,
    agreed_protocol,
)
from flowforge.model.runner import Runner
from flowforge.services.enrolment import Enrolment
from flowforge.services.handout import Handout
from flowforge.services.link import Desk
from flowforge.services.runners import are_several


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """`lease` is in seconds: how long a runner may keep silent."""

    desk: Desk
    enrolment: Enrolment
    handout: Handout
    lease: float

    async def register(self, call: RegisterCall) -> Standing:
        protocol = expect_protocol(call.protocols)
        key, runner = await self.enrolment.redeem(call.token, call.offer)
        return await self._standing(runner, protocol, key)

    async def hello(self, runner_id: int, call: HelloCall) -> Standing:
        protocol = expect_protocol(call.protocols)
        return await self._standing(await self.enrolment.hello(runner_id, call.offer), protocol, "")

    async def _standing(self, runner: Runner, protocol: int, key: str) -> Standing:
        return Standing(
            protocol=protocol,
            id=runner.id,
            name=runner.name,
            labels=runner.labels,
            slots=runner.slots,
            lease_seconds=self.lease,
            key=key,
            others=await self.desk.store.read(are_several),
        )


def expect_protocol(offered: tuple[int, ...]) -> int:
    """The newest that both sides speak. Raises `ProtocolRefused`, which says who has to be updated."""
    agreed = agreed_protocol(offered)
    if agreed is not None:
        return agreed
    older = "runner" if not offered or max(offered) < OLDEST_PROTOCOL else "server"
    spoken = ", ".join(str(version) for version in offered[:10]) or "none"
    raise ProtocolRefused(
        f"this server speaks versions {OLDEST_PROTOCOL} to {NEWEST_PROTOCOL} of the runner link, the runner {spoken}: "
        f"update the {older}"
    )
