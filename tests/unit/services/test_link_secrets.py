"""What the server's side of the link hands a job of what is secret."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from flowforge.errors import SealBroken
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.secret import SecretScope
from flowforge.model.secret_ref import SecretRef
from flowforge.model.status import Cause, Status
from flowforge.testing.vault import FakeVault
from tests.unit.services.world import World, a_token, order


class Broken(FakeVault):
    async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
        raise SealBroken("the stored secret KEY cannot be opened", final=True)


async def test_a_job_gets_what_it_names_and_all_of_its_groups(world: World) -> None:
    world.vault = FakeVault({"KEY": "value", "OTHER": "x"}, {"registry": {"USER": "u", "PASSWORD": "p"}})
    wanted = replace(order("build"), secrets=(SecretRef(name="KEY"),), secret_groups=("registry", "none"))
    await world.planned_as(Plan(jobs=(PlannedJob(order=wanted),)))
    claim = await (await world.runner()).claim(a_token(), 0)
    assert claim is not None
    assert claim.secrets == {"KEY": "value", "USER": "u", "PASSWORD": "p"}
    assert claim.order.secret_groups == ("registry", "none")


async def test_a_job_whose_secret_cannot_be_opened_ends_and_the_next_is_claimed(world: World) -> None:
    world.vault = Broken()
    jobs = (PlannedJob(order=order("build", declares=("KEY",))), PlannedJob(order=order("test")))
    run_id = await world.planned_as(Plan(jobs=jobs))
    claim = await (await world.runner()).claim(a_token(), 0)
    assert claim is None or claim.order.key == "test"
    found = {job.key: job for job in await world.store.read(lambda tx: tx.jobs.of((run_id,)))}
    (attempt,) = await world.store.read(lambda tx: tx.attempts.of(found["build"].id))
    assert (attempt.status, attempt.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert attempt.reason == "the stored secret KEY cannot be opened"
    assert found["build"].attempt == 1, "it waits for another try"
