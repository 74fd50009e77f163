"""What a commit shows of a run that is more than passed or failed."""

from dataclasses import replace
from typing import Any

import pytest

from flowforge.model.commit_status import CommitState
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import PullRequest
from flowforge.services.links import Links
from flowforge.services.statuses import Counts, Wording, status_of
from tests.contract.store.things import project, run

WORDING = Wording(context="ci/flowforge", links=Links("https://ci.example"))
FROM_A_FORK = replace(run().trigger, pull_request=PullRequest(number=7, target="main", fork=True))


@pytest.mark.parametrize(
    ("changes", "counts", "state", "sentence"),
    [
        ({"status": Status.SUCCESS}, Counts(jobs=1), CommitState.SUCCESS, "1 job"),
        (
            {"status": Status.SUCCESS},
            Counts(jobs=5, allowed=1),
            CommitState.SUCCESS,
            "5 jobs, 1 allowed to fail",
        ),
        ({"status": Status.SUCCESS}, Counts(jobs=3, left_out=2), CommitState.SUCCESS, "3 jobs, 2 skipped"),
        (
            {"status": Status.SKIPPED, "cause": Cause.FILTER, "reason": "no path under web/ changed"},
            Counts(),
            CommitState.SUCCESS,
            "left out: no path under web/ changed",
        ),
        (
            {"status": Status.SKIPPED, "cause": Cause.FILTER, "reason": "not here", "trigger": FROM_A_FORK},
            Counts(),
            CommitState.FAILURE,
            "not here",
        ),
        (
            {"status": Status.WAITING, "reason": "from a fork: waits for an approval"},
            Counts(),
            CommitState.PENDING,
            "from a fork: waits for an approval",
        ),
        (
            {"status": Status.CANCELLED, "cause": Cause.CANCELLED, "reason": "superseded by run 9"},
            Counts(),
            CommitState.FAILURE,
            "superseded by run 9",
        ),
    ],
)
def test_a_commit_shows_how_its_run_stands(
    changes: dict[str, Any], counts: Counts, state: CommitState, sentence: str
) -> None:
    shown = status_of(run(**changes), counts, project(), WORDING)
    assert (shown.state, shown.description) == (state, sentence)
