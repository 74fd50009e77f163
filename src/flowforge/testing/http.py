"""A fake of the port `Http`."""

from collections import deque
from collections.abc import Iterable

from flowforge.errors import Bug
from flowforge.model.http import HttpAnswer, HttpRequest


class FakeHttp:
    """Gives `answers` in their order, raising those that are exceptions; `requests` holds what was asked."""

    def __init__(self, answers: Iterable[HttpAnswer | Exception] = ()) -> None:
        self.answers = deque(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.requests.append(request)
        if not self.answers:
            raise Bug(f"the fake has no answer left for {request.method} {request.url}")
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer
