"""A link that waits for its server."""

import asyncio
from collections.abc import Sequence

import pytest

from flowforge.errors import StoreUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, Outcome, StepReport
from flowforge.model.status import Status
from flowforge.runner.patient import PatientLink

LEASE = Lease(attempt=AttemptKey(run=1, job=1, number=1), token="t")
DONE = Outcome(status=Status.SUCCESS)


class Away:
    """A server that asks for an hour of patience, twice."""

    def __init__(self) -> None:
        self.asked = 0

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        self.asked += 1
        if self.asked < 3:
            raise StoreUnavailable("full", retry_after=3600)


async def test_no_wish_of_the_server_keeps_a_runner_silent_for_longer_than_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    away = Away()
    await PatientLink(away, longest=0.5).finish(LEASE, DONE)  # type: ignore[arg-type]
    assert slept == [0.5, 0.5]
