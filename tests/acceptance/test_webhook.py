"""The webhook's table of answers, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import Push, fake_github
from tests.rig.server import SECRET, Answer

pytestmark = pytest.mark.needs("git")

CONFIG = b"jobs: {a: {steps: [run: echo]}}"
REPOSITORY = "acme/web"


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        served.commit(REPOSITORY, {".flowforge/ci.yml": CONFIG})
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub) -> Iterator[RealServer]:
    environment = forge.environment | {"FLOWFORGE_EXECUTOR": "process"}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


def deliver(server: RealServer, push: Push, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.ask("POST", "/webhook", push.body, push.headers | named)


def pushed(forge: FakeGitHub) -> Push:
    return forge.push(REPOSITORY, forge.commit(REPOSITORY, {".flowforge/ci.yml": CONFIG}), SECRET)


def changed(forge: FakeGitHub, **fields: Any) -> Push:
    """A genuine delivery with other fields; None leaves one out."""
    payload = pushed(forge).payload | fields
    return forge.signed({name: value for name, value in payload.items() if value is not None}, SECRET)


def test_a_push_is_queued(forge: FakeGitHub, server: RealServer) -> None:
    answer = deliver(server, pushed(forge))
    run_id = answer.value["pipeline_id"]
    assert (answer.status, answer.value) == (
        200,
        {"status": "queued", "pipeline_id": run_id, "runs": [run_id]},
    )
    assert answer.headers["content-type"] == "application/json"


def test_the_same_delivery_and_the_same_push_get_the_same_run(forge: FakeGitHub, server: RealServer) -> None:
    push = pushed(forge)
    first = deliver(server, push)
    again = deliver(server, push)
    anew = deliver(server, push, X_GitHub_Delivery="another-delivery")
    assert again.value == anew.value == first.value


@pytest.mark.parametrize("event", ["ping", "issues", "star"])
def test_another_event_is_ignored(forge: FakeGitHub, server: RealServer, event: str) -> None:
    answer = deliver(server, forge.signed({"zen": "…"}, SECRET, event=event))
    assert (answer.status, answer.value["status"]) == (202, "ignored")


@pytest.mark.parametrize("fields", [{"deleted": True}, {"after": "0" * 40}])
def test_a_deleted_branch_is_ignored(forge: FakeGitHub, server: RealServer, fields: dict[str, Any]) -> None:
    answer = deliver(server, changed(forge, **fields))
    assert (answer.status, answer.value) == (202, {"status": "ignored", "reason": "the ref was deleted"})


def test_a_commit_that_asks_to_be_skipped_is_ignored(forge: FakeGitHub, server: RealServer) -> None:
    answer = deliver(server, changed(forge, head_commit={"message": "Mend docs [skip ci]"}))
    assert (answer.status, answer.value["status"]) == (202, "ignored")


@pytest.mark.parametrize("field", ["repository", "ref", "after"])
def test_a_push_without_what_it_is_about_is_refused(
    forge: FakeGitHub, server: RealServer, field: str
) -> None:
    answer = deliver(server, changed(forge, **{field: None}))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.value["detail"]


def test_no_json_is_refused(forge: FakeGitHub, server: RealServer) -> None:
    push = forge.signed("not an object", SECRET)
    assert deliver(server, push).status == 400


def test_what_is_not_signed_by_us_is_not_let_in(forge: FakeGitHub, server: RealServer) -> None:
    push = pushed(forge)
    unsigned = {name: value for name, value in push.headers.items() if "Signature" not in name}
    assert server.ask("POST", "/webhook", push.body, unsigned).status == 401
    assert server.ask("POST", "/webhook", push.body + b" ", push.headers).status == 401
    forged = forge.push(REPOSITORY, "a" * 40, "another secret")
    assert deliver(server, forged).status == 401


def test_a_body_over_the_limit_is_refused(forge: FakeGitHub, server: RealServer) -> None:
    push = pushed(forge)
    assert deliver(server, push, Content_Length=str(1 << 30)).status == 413


def test_reading_is_not_posting(server: RealServer) -> None:
    assert server.ask("GET", "/webhook").status == 405
