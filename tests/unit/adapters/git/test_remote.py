import base64
import shlex
from collections.abc import Sequence

import pytest

from flowforge.adapters.git.clone_url import LocalRepositories, parse_clone_url
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.remote import Credentials, Remote, way_to


async def resolve(_host: str, _port: int) -> Sequence[str]:
    return ("1.1.1.1", "2606:4700::1")


def giving(token: str | None) -> Credentials:
    async def credentials(_url: str, _origin: str) -> str | None:
        return token

    return credentials


async def way(url: str, token: str | None = None, *trusted: str) -> Remote:
    parsed = parse_clone_url(url, frozenset(trusted), LocalRepositories.ALLOW)
    return await way_to(parsed, giving(token), resolve)


async def test_a_public_host_is_pinned_to_all_its_addresses() -> None:
    found = await way("https://forge.example/x")
    assert found.settings == (("http.curloptResolve", "forge.example:443:1.1.1.1,[2606:4700::1]"),)


async def test_an_address_needs_no_pin() -> None:
    async def itself(host: str, _port: int) -> Sequence[str]:
        return (host,)

    parsed = parse_clone_url("https://[2606:4700::1]/x", frozenset(), LocalRepositories.REFUSE)
    assert (await way_to(parsed, giving(None), itself)).settings == ()


async def test_a_trusted_host_is_left_to_the_system() -> None:
    assert (await way("http://forge.lan:3000/x", None, "forge.lan:3000")).settings == ()


@pytest.mark.parametrize(("token", "pair"), [("t0ken", "x-access-token:t0ken"), ("user:word", "user:word")])
async def test_a_token_becomes_a_header_for_its_origin_only(token: str, pair: str) -> None:
    found = await way("https://forge.example:8443/x", token)
    key, value = found.settings[-1]
    assert key == "http.https://forge.example:8443/.extraHeader"
    assert value == f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
    assert found.scrub(f"{value} {token}") == "Authorization: Basic *** ***"
    assert token not in repr(found.url)


async def test_ssh_dials_the_pinned_address_and_knows_the_host_by_name() -> None:
    command = shlex.split(
        dict((await way("ssh://git@forge.example:2222/x", "t0ken")).variables)["GIT_SSH_COMMAND"]
    )
    assert command[0] == "ssh"
    assert {
        "-oHostName=1.1.1.1",
        "-oHostKeyAlias=[forge.example]:2222",
        "-oStrictHostKeyChecking=yes",
    } <= set(command)
    assert (
        "-oHostKeyAlias=forge.example"
        in dict((await way("ssh://forge.example/x")).variables)["GIT_SSH_COMMAND"]
    )


async def test_a_trusted_ssh_host_is_dialled_by_name() -> None:
    assert (
        "HostName"
        not in dict((await way("ssh://forge.lan/x", None, "forge.lan")).variables)["GIT_SSH_COMMAND"]
    )


def test_git_gets_nobodys_configuration_and_one_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GIT_SSH",
        "GIT_PROXY_COMMAND",
        "GIT_EXTERNAL_DIFF",
        "https_proxy",
        "GIT_TRACE",
        "LD_PRELOAD",
    ):
        monkeypatch.setenv(name, "evil")
    environment = sealed_environment(protocol="https")
    assert "evil" not in environment.values()
    assert environment["GIT_ALLOW_PROTOCOL"] == "https"
    assert sealed_environment()["GIT_ALLOW_PROTOCOL"] == "none"
    assert environment["HOME"] == "/dev/null"
