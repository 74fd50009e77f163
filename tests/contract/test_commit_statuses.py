"""The port `CommitStatuses`."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace

import pytest

from flowforge.adapters.http.client import HttpClient
from flowforge.adapters.notify.commit_statuses import ForgeCommitStatuses
from flowforge.errors import Upstream
from flowforge.forges.registry import FORGES
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer
from flowforge.model.secret import SecretScope
from flowforge.ports import CommitStatuses
from flowforge.testing.commit_statuses import FakeCommitStatuses
from flowforge.testing.http import FakeHttp
from flowforge.testing.vault import FakeVault

STATUS = CommitStatus(
    forge="github",
    origin="https://github.com",
    native_id="4711",
    repository="tools/saw",
    commit="a" * 40,
    state=CommitState.PENDING,
    description="queued",
    context="ci/flowforge",
    target_url="",
)
TOKEN = FakeVault({"GITHUB_TOKEN": "t0ken"})


def answer(status: int, body: bytes = b"", **headers: str) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers, body=body)


def real_after(failures: int) -> CommitStatuses:
    answers = [answer(500)] * failures + [answer(201)] * 5
    return ForgeCommitStatuses(FakeHttp(answers), TOKEN, FORGES)


def fake_after(failures: int) -> CommitStatuses:
    return FakeCommitStatuses([Upstream("trouble")] * failures)


@pytest.fixture(params=[real_after, fake_after])
def statuses_after(request: pytest.FixtureRequest) -> Callable[[int], CommitStatuses]:
    return request.param


class TestEveryCommitStatuses:
    async def test_the_same_status_twice_is_harmless(self, statuses_after) -> None:
        statuses = statuses_after(0)
        await statuses.post(STATUS)
        await statuses.post(STATUS)

    async def test_trouble_is_raised_and_a_later_try_succeeds(self, statuses_after) -> None:
        statuses = statuses_after(1)
        with pytest.raises(Upstream) as caught:
            await statuses.post(STATUS)
        assert not caught.value.final
        await statuses.post(STATUS)


async def test_the_api_base_is_the_public_one_unless_it_is_replaced() -> None:
    public, own = FakeHttp([answer(201)]), FakeHttp([answer(201)])
    await ForgeCommitStatuses(public, TOKEN, FORGES).post(STATUS)
    await ForgeCommitStatuses(own, TOKEN, FORGES, {"github": "https://forge.example/api/v3/"}).post(STATUS)
    assert public.requests[0].url.startswith("https://api.github.com/repos/tools/saw/statuses/")
    assert own.requests[0].url.startswith("https://forge.example/api/v3/repos/tools/saw/statuses/")
    assert own.requests[0].token == "t0ken"
    assert json.loads(own.requests[0].body)["state"] == "pending"


async def test_an_api_base_that_may_not_be_spoken_to_is_trouble_that_no_try_can_help() -> None:
    bases = {"github": "http://127.0.0.1:9/api"}
    async with aclosing(HttpClient()) as http:
        with pytest.raises(Upstream, match=r"127\.0\.0\.1:9.*FLOWFORGE_TRUSTED_FORGES") as caught:
            await ForgeCommitStatuses(http, TOKEN, FORGES, bases).post(STATUS)
    assert caught.value.final


async def test_without_a_token_it_says_so_and_may_be_tried_later() -> None:
    http = FakeHttp()
    with pytest.raises(Upstream, match="GITHUB_TOKEN") as caught:
        await ForgeCommitStatuses(http, FakeVault(), FORGES).post(STATUS)
    assert not caught.value.final
    assert http.requests == []


async def test_a_project_s_own_token_is_asked_for() -> None:
    asked: list[SecretScope] = []

    class Asked(FakeVault):
        async def values(self, scope: SecretScope, names: Collection[str]) -> Mapping[str, str]:
            asked.append(scope)
            return await super().values(scope, names)

    statuses = ForgeCommitStatuses(FakeHttp([answer(201)]), Asked(TOKEN.secrets), FORGES)
    await statuses.post(replace(STATUS, organisation_id=3, project_id=7))
    assert asked == [SecretScope(organisation_id=3, project_id=7)]


async def test_a_refusal_is_final_and_never_repeats_the_token() -> None:
    http = FakeHttp([answer(401, b'{"message": "bad t0ken"}')])
    with pytest.raises(Upstream) as caught:
        await ForgeCommitStatuses(http, TOKEN, FORGES).post(STATUS)
    assert caught.value.final
    assert "t0ken" not in str(caught.value)


async def test_a_used_up_rate_limit_says_when_to_come_back() -> None:
    statuses = ForgeCommitStatuses(FakeHttp([answer(429, **{"retry-after": "30"})]), TOKEN, FORGES)
    with pytest.raises(Upstream) as caught:
        await statuses.post(STATUS)
    assert caught.value.retry_after == 30


async def test_a_status_for_an_unknown_forge_is_refused_for_good() -> None:
    with pytest.raises(Upstream) as caught:
        await ForgeCommitStatuses(FakeHttp(), TOKEN, FORGES).post(replace(STATUS, forge="other"))
    assert caught.value.final
