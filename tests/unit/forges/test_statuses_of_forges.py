"""Commit statuses in each forge's own words, and what its answers mean."""

import base64
import json
from dataclasses import replace

import pytest

from flowforge.forges.forge import Forge, StatusAnswer
from flowforge.forges.registry import FORGES, forge_named
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, Repeat

STATUS = CommitStatus(
    forge="any",
    origin="https://forge.example",
    native_id="4711",
    repository="tools/saw",
    commit="a" * 40,
    state=CommitState.FAILURE,
    description="build failed",
    context="ci/flowforge",
    target_url="https://ci.example/ui/pipelines/1",
)
WORDS = {
    "github": ("pending", "success", "failure"),
    "gitlab": ("pending", "success", "failed"),
    "bitbucket": ("INPROGRESS", "SUCCESSFUL", "FAILED"),
    "gitea": ("pending", "success", "failure"),
    "forgejo": ("pending", "success", "failure"),
}
URLS = {
    "github": f"https://api.example/repos/tools/saw/statuses/{'a' * 40}",
    "gitlab": f"https://api.example/projects/4711/statuses/{'a' * 40}",
    "bitbucket": f"https://api.example/repositories/tools/saw/commit/{'a' * 40}/statuses/build",
    "gitea": f"https://api.example/repos/tools/saw/statuses/{'a' * 40}",
    "forgejo": f"https://api.example/repos/tools/saw/statuses/{'a' * 40}",
}


def named(name: str) -> Forge:
    forge = forge_named(name)
    assert forge is not None
    return forge


@pytest.fixture(params=FORGES, ids=lambda forge: forge.name)
def forge(request: pytest.FixtureRequest) -> Forge:
    return request.param


def answered(forge: Forge, status: int, body: bytes = b"", **headers: str) -> StatusAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return forge.statuses.answer(HttpAnswer(status=status, headers=given, body=body))


def test_a_status_goes_to_its_commit_in_the_forges_words(forge: Forge) -> None:
    for state, word in zip(CommitState, WORDS[forge.name], strict=True):
        request = forge.statuses.request("https://api.example/", replace(STATUS, state=state), "t")
        assert (request.method, request.url, request.repeat) == ("POST", URLS[forge.name], Repeat.SAFE)
        sent = json.loads(request.body)
        assert sent["state"] == word
        assert STATUS.target_url in sent.values()
        assert STATUS.context in sent.values()


def test_a_long_description_is_cut(forge: Forge) -> None:
    request = forge.statuses.request("https://api.example", replace(STATUS, description="x " * 400), "t")
    assert len(json.loads(request.body)["description"]) in (140, 255)


def test_a_taken_status_is_no_problem(forge: Forge) -> None:
    assert answered(forge, 201, b'{"state": "x"}') == StatusAnswer()


def test_a_used_up_limit_says_when_to_come_back(forge: Forge) -> None:
    assert answered(forge, 429, b"<html>", retry_after="30").retry_after == 30
    assert answered(forge, 429).retry_after == 60
    limited = answered(forge, 403, b"", retry_after="5")
    assert (limited.retry_after, limited.final) == (5, False)


def test_trouble_that_passes_is_tried_again(forge: Forge) -> None:
    for status in (500, 502, 503):
        for body in (b"", b"<html>oops", b'{"mess'):
            found = answered(forge, status, body)
            assert found.problem
            assert not found.final


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"mess', b"[" * 100_000, b'{"message": "no\\u0000t here"}']
)
def test_a_refusal_is_final_whatever_its_body(forge: Forge, body: bytes) -> None:
    for status in (400, 401, 403, 404, 302):
        found = answered(forge, status, body)
        assert found.problem.isprintable()
        assert found.final


def test_gitlab_refuses_a_state_that_it_shows_already() -> None:
    gitlab = named("gitlab")
    same = b'{"message": "Cannot transition status via :enqueue from :pending (Reason(s): ...)"}'
    other = b'{"message": "Cannot transition status via :run from :success"}'
    assert answered(gitlab, 400, same) == StatusAnswer()
    assert answered(gitlab, 400, other).final
    assert not answered(gitlab, 409).final


def test_bitbucket_answers_a_change_with_200_as_any_proxy_would() -> None:
    bitbucket = named("bitbucket")
    assert answered(bitbucket, 200, b'{"state": "FAILED"}') == StatusAnswer()
    page = answered(bitbucket, 200, b"<html>sign in</html>")
    assert page.problem
    assert not page.final


def test_bitbucket_takes_a_user_with_a_password_too_and_short_keys_only() -> None:
    request = named("bitbucket").statuses.request(
        "https://api.example", replace(STATUS, context="c" * 99), "me:pw"
    )
    assert (request.scheme, base64.b64decode(request.token)) == ("Basic", b"me:pw")
    assert len(json.loads(request.body)["key"]) == 40


def test_the_api_follows_from_the_forges_address() -> None:
    bases = {forge.name: forge.statuses.base_of("https://git.example") for forge in FORGES}
    assert bases == {
        "github": "https://git.example/api/v3",
        "gitlab": "https://git.example/api/v4",
        "bitbucket": "https://git.example/2.0",
        "gitea": "https://git.example/api/v1",
        "forgejo": "https://git.example/api/v1",
    }
    assert named("github").statuses.base_of("https://github.com") == "https://api.github.com"
    assert named("bitbucket").statuses.base_of("https://bitbucket.org") == "https://api.bitbucket.org/2.0"
