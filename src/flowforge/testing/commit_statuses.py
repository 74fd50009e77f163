"""A fake of the port `CommitStatuses`."""

from collections import deque
from collections.abc import Iterable

from flowforge.errors import Upstream
from flowforge.model.commit_status import CommitStatus


class FakeCommitStatuses:
    """`posted` holds what was taken; `failures` are raised first, one a call."""

    def __init__(self, failures: Iterable[Upstream] = ()) -> None:
        self.failures = deque(failures)
        self.posted: list[CommitStatus] = []

    async def post(self, status: CommitStatus) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.posted.append(status)
