import json
from dataclasses import replace

import pytest

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.github_status import status_answer, status_request
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, Repeat

STATUS = CommitStatus(
    forge="github",
    repository="tools/saw",
    commit="a" * 40,
    state=CommitState.SUCCESS,
    description="4 jobs",
    context="ci/flowforge",
    target_url="http://ci.example/ui/runs/1",
)
BASE = "https://api.forge.example/"
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
NOON = 1795262400


def answered(status: int, body: bytes = b"", **headers: str) -> StatusAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status_answer(HttpAnswer(status=status, headers=named, body=body))


def test_a_status_is_posted_to_its_commit() -> None:
    request = status_request(BASE, STATUS, "token")
    assert (request.method, request.token, request.repeat) == ("POST", "token", Repeat.SAFE)
    assert request.url == f"https://api.forge.example/repos/tools/saw/statuses/{'a' * 40}"
    assert json.loads(request.body) == {
        "state": "success",
        "description": "4 jobs",
        "context": "ci/flowforge",
        "target_url": "http://ci.example/ui/runs/1",
    }
    assert request.headers["Accept"] == "application/vnd.github+json"


def test_a_status_without_a_target_names_none() -> None:
    request = status_request(BASE, replace(STATUS, target_url=""), "")
    assert "target_url" not in json.loads(request.body)


def test_a_long_description_is_cut_to_what_github_takes() -> None:
    request = status_request(BASE, replace(STATUS, description="x\n" * 200), "")
    description = json.loads(request.body)["description"]
    assert len(description) == 140
    assert description.endswith("…")
    assert "\n" not in description


def test_a_created_status_is_no_problem() -> None:
    assert answered(201) == StatusAnswer()


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry_after": "7"}, 7),
        (429, {}, 60),
        (403, {"retry_after": "7"}, 7),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(NOON + 90), "date": DATE}, 90),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1", "date": DATE}, 1),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9" * 12, "date": DATE}, 7200),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "soon", "date": DATE}, 60),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "5", "date": "noon"}, 60),
        (503, {"retry_after": "7"}, 7),
        (502, {}, None),
        (502, {"retry_after": "later"}, None),
    ],
)
def test_trouble_that_passes_says_when_to_come_back(
    status: int, headers: dict[str, str], wait: float | None
) -> None:
    found = answered(status, **headers)
    assert (found.retry_after, found.final) == (wait, False)
    assert found.problem


def test_a_secondary_limit_is_told_by_its_words() -> None:
    found = answered(403, b'{"message": "You have exceeded a secondary rate limit"}')
    assert (found.retry_after, found.final) == (60, False)


@pytest.mark.parametrize("status", [401, 403, 404, 422, 301, 410])
def test_a_refusal_is_final_and_says_why(status: int) -> None:
    found = answered(status, b'{"message": "No \\u001b[1mway"}')
    assert found.final
    assert "\x1b" not in found.problem


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 100_000, b'{"message": 5}'])
def test_a_refusal_with_a_strange_body_is_still_a_sentence(body: bytes) -> None:
    assert answered(401, body).problem == "GitHub does not accept the token"


def test_success_that_is_not_creation_is_a_problem_that_may_pass() -> None:
    found = answered(200, b"<html>")
    assert found.problem
    assert not found.final
