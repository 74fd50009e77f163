"""What one event moves is the same whether the whole run is read for it or as little as bears on it."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.machine import advance
from flowforge.engine.state import (
    Approved,
    CancelAsked,
    Claimed,
    Finished,
    LetIn,
    Opened,
    Planned,
    RunEvent,
    RunState,
    TurnCame,
)
from flowforge.model.claim import Outcome
from flowforge.model.job_run import JobRun
from flowforge.model.run import Run
from flowforge.model.status import Cause, Status
from flowforge.ports import Tx
from flowforge.services.states import state_of
from flowforge.services.transition import move_one
from flowforge.testing.clock import EPOCH
from flowforge.testing.store import MemoryStore
from tests.contract.store.things import add_runs, job, run
from tests.unit.engine.test_gates import BROKEN, FAILURE, HELD, KEYS, STOPPED, SUCCESS, runs

LOST = Outcome(status=Status.FAILURE, cause=Cause.LOST)
OUTCOMES = st.sampled_from([SUCCESS] * 6 + [FAILURE, BROKEN, STOPPED, LOST])
EVENTS = st.one_of(
    st.sampled_from([Approved(), LetIn(), CancelAsked(reason="c")]),
    st.builds(TurnCame, key=st.sampled_from(KEYS)),
    st.builds(Opened, key=st.sampled_from(KEYS), by=st.just("ann")),
    st.builds(Claimed, key=st.sampled_from(KEYS)),
    st.builds(Claimed, key=st.sampled_from(KEYS)),
    st.builds(Finished, key=st.sampled_from(KEYS), outcome=OUTCOMES),
    st.builds(Finished, key=st.sampled_from(KEYS), outcome=OUTCOMES),
)


@settings(max_examples=60, deadline=None)
@given(runs(), HELD, st.lists(EVENTS, max_size=30))
def test_a_part_of_a_run_moves_as_the_whole_does(state: RunState, held: str, events: list[RunEvent]) -> None:
    def live(tx: Tx) -> None:
        add_runs(tx, run(group=state.group, on_failure=state.on_failure))
        tx.jobs.add(
            [
                job(number, key=each.key, needs=each.needs, terms=each.terms)
                for number, each in enumerate(state.jobs.values(), start=1)
            ]
        )
        move_one(tx, 1, Planned(held=held), EPOCH)
        for event in events:
            expected = advance(state_of(*_rows(tx)), event)
            move_one(tx, 1, event, EPOCH)
            assert _told(state_of(*_rows(tx))) == _told(expected)

    asyncio.run(MemoryStore().write(live))


def _rows(tx: Tx) -> tuple[Run, list[JobRun]]:
    found = tx.runs.get(1)
    assert found is not None
    return found, list(tx.jobs.of((1,)))


def _told(state: RunState) -> object:
    jobs = [(each.key, each.phase, each.status, each.reason, each.attempt) for each in state.jobs.values()]
    return state.phase, state.status, state.cause, state.reason, state.begun, jobs
