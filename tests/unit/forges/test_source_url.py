"""No address out of a payload is cloned from but the project's own."""

import pytest

from flowforge.forges.source_url import source_url
from flowforge.model.project import Project
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent
from flowforge.testing.clock import EPOCH


def project(forge: str) -> Project:
    return Project(
        id=1,
        organisation_id=1,
        forge=forge,
        origin="https://forge.example",
        native_id="7",
        name="tools/saw",
        clone_url="https://forge.example/tools/saw.git",
        created_at=EPOCH,
    )


def trigger(request: PullRequest | None) -> Trigger:
    return Trigger(
        event=TriggerEvent.PULL_REQUEST if request else TriggerEvent.PUSH,
        repository="tools/saw",
        commit="a" * 40,
        pull_request=request,
    )


FORK = PullRequest(number=1, target="main", source_repository="stranger/saw", fork=True)
OWN = PullRequest(number=1, target="main", source_repository="tools/former", fork=False)
LOST = PullRequest(number=1, target="main", fork=True)


@pytest.mark.parametrize("forge", ["github", "gitlab", "gitea", "forgejo", "unknown"])
@pytest.mark.parametrize("request_", [None, FORK, OWN, LOST])
def test_the_projects_address_has_the_commits_of_its_pull_requests(
    forge: str, request_: PullRequest | None
) -> None:
    assert source_url(project(forge), trigger(request_)) == "https://forge.example/tools/saw.git"


@pytest.mark.parametrize(
    ("request_", "name"), [(None, "tools"), (OWN, "tools"), (LOST, "tools"), (FORK, "stranger")]
)
def test_where_the_forge_has_no_ref_for_it_the_fork_at_the_same_origin_is_cloned(
    request_: PullRequest | None, name: str
) -> None:
    found = source_url(project("bitbucket"), trigger(request_))
    assert found == f"https://forge.example/{name}/saw.git"
