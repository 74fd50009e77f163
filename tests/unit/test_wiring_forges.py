"""Each token goes to the one server that it is for."""

from pathlib import Path

import pytest

from flowforge.errors import NotConfigured
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer
from flowforge.settings import load_settings
from flowforge.testing.http import FakeHttp
from flowforge.testing.store import MemoryStore
from flowforge.testing.vault import FakeVault
from flowforge.wiring_forges import clone_tokens, commit_statuses

TOKENS = {
    f"FLOWFORGE_{name}_TOKEN": f"token-{name.lower()}"
    for name in ("GITHUB", "GITLAB", "BITBUCKET", "GITEA", "FORGEJO")
}


def settings(tmp_path: Path, **environment: str):
    return load_settings(TOKENS | environment, None, tmp_path)


def status(forge: str, origin: str) -> CommitStatus:
    return CommitStatus(
        forge=forge,
        origin=origin,
        native_id="7",
        repository="tools/saw",
        commit="a" * 40,
        state=CommitState.SUCCESS,
        description="1 job",
        context="ci",
        target_url="https://ci.example",
    )


async def pairs(tmp_path: Path, *origins: str, **environment: str) -> list[str | None]:
    tokens = clone_tokens(settings(tmp_path, **environment), MemoryStore(), FakeVault())
    return [await tokens.of(f"{origin}/tools/saw.git", origin) for origin in origins]


async def test_clones_bear_the_users_name_that_their_forge_wants(tmp_path: Path) -> None:
    origins = (
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "git.example",
        "codeberg.org",
        "elsewhere.example",
    )
    own = {"FLOWFORGE_GITEA_URL": "https://git.example/"}
    assert await pairs(tmp_path, *(f"https://{origin}" for origin in origins), **own) == [
        "x-access-token:token-github",
        "oauth2:token-gitlab",
        "x-token-auth:token-bitbucket",
        "token:token-gitea",
        "token:token-forgejo",
        None,
    ]


async def test_a_token_that_is_a_pair_stays_one_and_a_self_hosted_forge_takes_the_place_of_the_public_one(
    tmp_path: Path,
) -> None:
    own = {"FLOWFORGE_GITLAB_URL": "https://git.example", "FLOWFORGE_BITBUCKET_TOKEN": "me:secret"}
    origins = ("https://git.example", "https://gitlab.com", "https://bitbucket.org")
    assert await pairs(tmp_path, *origins, **own) == ["oauth2:token-gitlab", None, "me:secret"]


async def test_a_status_goes_to_the_api_of_the_address_or_the_one_that_was_named(tmp_path: Path) -> None:
    own = {"FLOWFORGE_GITLAB_URL": "https://git.example", "FLOWFORGE_GITEA_API": "https://api.example/gitea"}
    http = FakeHttp([HttpAnswer(status=201, headers={}, body=b"{}")] * 3)
    statuses = commit_statuses(settings(tmp_path, **own), http, FakeVault())
    await statuses.post(status("gitlab", "https://git.example"))
    await statuses.post(status("gitea", "https://any.example"))
    await statuses.post(status("github", "https://github.com"))
    assert [request.url.split("/statuses")[0] for request in http.requests] == [
        "https://git.example/api/v4/projects/7",
        "https://api.example/gitea/repos/tools/saw",
        "https://api.github.com/repos/tools/saw",
    ]


@pytest.mark.parametrize(
    ("forge", "origin"), [("gitlab", "https://evil.example"), ("gitea", "https://git.example")]
)
async def test_a_server_that_nobody_named_gets_no_token(tmp_path: Path, forge: str, origin: str) -> None:
    http = FakeHttp()
    with pytest.raises(NotConfigured, match=f"FLOWFORGE_{forge.upper()}_URL"):
        await commit_statuses(settings(tmp_path), http, FakeVault()).post(status(forge, origin))
    assert http.requests == []
