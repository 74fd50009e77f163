"""What a job finds set on a tag, for a pull request, and where nobody knows."""

import pytest

from flowforge.dialects.circleci.surroundings import environment, values
from flowforge.model.inputs import NO_HOME, NOTHING_GIVEN, Given, Home
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

GITHUB = Home(forge="github", url="https://forge.example/acme/web", default_branch="main")


def given(home: Home = GITHUB, **more: object) -> Given:
    values = {"event": TriggerEvent.PUSH, "repository": "acme/web", "commit": "c" * 40, **more}
    return Given(trigger=Trigger(**values), number=7, run_id=70, home=home)  # type: ignore[arg-type]


def test_tag_is_told_and_what_has_no_value_is_not_set() -> None:
    env = environment(given(event=TriggerEvent.TAG, ref="refs/tags/v1"))
    assert env["CIRCLE_TAG"] == "v1"
    assert env["CIRCLE_REPOSITORY_URL"] == "https://forge.example/acme/web"
    assert not {"CIRCLE_BRANCH", "CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER", "CIRCLE_BUILD_URL"} & set(env)
    assert environment(NOTHING_GIVEN) == {}


@pytest.mark.parametrize(
    ("forge", "page"),
    [
        ("github", "https://forge.example/acme/web/pull/5"),
        ("gitlab", "https://forge.example/acme/web/-/merge_requests/5"),
        ("gitea", "https://forge.example/acme/web/pulls/5"),
        ("forgejo", "https://forge.example/acme/web/pulls/5"),
        ("bitbucket", "https://forge.example/acme/web/pull-requests/5"),
        ("", "5"),
    ],
)
def test_pull_request_is_told_by_its_page(forge: str, page: str) -> None:
    home = Home(forge=forge, url="https://forge.example/acme/web") if forge else NO_HOME
    own = given(home, branch="topic", pull_request=PullRequest(number=5, target="main"))
    env = environment(own)
    assert (env["CIRCLE_PULL_REQUEST"], env["CIRCLE_PULL_REQUESTS"]) == (page, page)
    assert "CIRCLE_PR_NUMBER" not in env
    assert values(own)["event.context.github.pr_url"] == page


def test_pull_request_from_a_fork_tells_where_it_comes_from() -> None:
    request = PullRequest(number=5, target="main", source_repository="mallory/copy", fork=True)
    env = environment(given(branch="topic", pull_request=request))
    told = [env[f"CIRCLE_PR_{name}"] for name in ("NUMBER", "USERNAME", "REPONAME")]
    assert told == ["5", "mallory", "copy"]


def test_values_tell_the_default_branch_and_the_schedule() -> None:
    assert values(given(branch="main"))["git.branch.is_default"] is True
    assert values(given(branch="topic"))["git.branch.is_default"] is False
    assert values(given(NO_HOME))["git.branch.is_default"] is False
    nightly = given(event=TriggerEvent.SCHEDULE, title="nightly", branch="main")
    assert (values(nightly)["schedule.name"], values(given(title="x"))["schedule.name"]) == ("nightly", "")
    assert values(given())["project.type"] == "github"
