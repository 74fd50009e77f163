"""Everything a fault test plays on, and the account that is taken at its end."""

import asyncio
from dataclasses import dataclass, field

from flowforge.adapters.data.folder import DataFolder
from flowforge.adapters.store.opening import open_store
from flowforge.testing.checker import read_history, violations
from tests.rig.counted import CountedJob, counted_pipeline
from tests.rig.counter import Counter
from tests.rig.forge import FakeGitHub
from tests.rig.machine import Machine, until
from tests.rig.server import OVER, RealServer


@dataclass
class Stage:
    machine: Machine
    forge: FakeGitHub
    counter: Counter
    server: RealServer
    pushed: dict[int, tuple[str, tuple[CountedJob, ...]]] = field(default_factory=dict)

    def push(self, *jobs: CountedJob) -> int:
        """A commit with these jobs, delivered: the run's id."""
        files = {".flowforge/ci.yml": counted_pipeline(jobs, self.machine, self.counter)}
        pushed = self.server.push(self.forge, files)
        self.pushed[pushed.run_id] = (pushed.commit, jobs)
        return pushed.run_id

    def over(self, run_id: int) -> bool:
        return self.server.run(run_id)["status"] in OVER

    @property
    def instance(self) -> str:
        return DataFolder(self.server.data).instance()

    def restart(self) -> None:
        """Killed, and started again on what is left."""
        self.server.kill()
        self.server.start()

    def account_for_all(self) -> None:
        """Every run succeeded, each step began once, logs are complete, commits say so, and nothing is left behind."""
        for run_id, (commit, jobs) in self.pushed.items():
            run = self.server.over(run_id, seconds=40)
            assert run["status"] == "success", run
            said = self.counter.counts(run_id)
            assert said == {word: 1 for job in jobs for word in job.words}
            for job in jobs:
                assert self.server.log(run_id, job.name) == job.log
            wait_for_delivery(self.server, run_id)
            assert self.forge.states_of(commit)[-1] == "success"
        come_to_rest(self.server, self.machine)


def wait_for_delivery(server: RealServer, run_id: int) -> None:
    """The forge took the run's last status, and the server wrote that down."""
    for kind, data in server.events(run_id):
        if kind == "status.delivered" and data["status"] != "pending":
            return
    raise AssertionError(f"the events of run {run_id} ended without its status")


def come_to_rest(server: RealServer, machine: Machine) -> None:
    """With all its runs over and told: nothing of them is left, it ends in order, and kept every promise."""
    until(lambda: not machine.left_behind(server), "nothing left behind")
    come_to_rest_far(server)


def come_to_rest_far(server: RealServer) -> None:
    """The same where all jobs ran on other machines."""
    assert server.stop() == 0, server.errors()
    assert broken_promises(server) == ()


def broken_promises(server: RealServer) -> tuple[str, ...]:
    """What the offline checker says of a server that was stopped."""
    url = server.environment.get("FLOWFORGE_DATABASE_URL", f"sqlite:///{server.data}/flowforge.db")
    return asyncio.run(_violations(url))


async def _violations(url: str) -> tuple[str, ...]:
    store = open_store(url)
    try:
        return violations(await store.read(read_history))
    finally:
        await store.close()
