"""How mirrors stand hostile servers, damage and haste (A07, A08, A11, A12, A13)."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from flowforge.adapters.git import remote
from flowforge.adapters.git.clone_url import LocalRepositories
from flowforge.adapters.git.command import Git
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirror import Mirror
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.errors import BadInput, SourceUnavailable, TooLarge
from tests.git_repositories import Forge, git
from tests.git_server import GitServer, git_server

MAIN = "refs/heads/main"
TOKEN = "t0ken-that-must-not-show"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    (tmp_path / "forges").mkdir()
    return Forge(tmp_path / "forges" / "saw.git")


def local(tmp_path: Path, limits: GitLimits | None = None) -> GitMirrors:
    policy = MirrorPolicy(local=LocalRepositories.ALLOW, limits=limits or GitLimits())
    return GitMirrors(tmp_path / "mirrors", policy)


def through(server: GitServer, tmp_path: Path, token: str | None = None) -> GitMirrors:
    policy = MirrorPolicy(trusted=frozenset({server.host}))

    async def credentials(_: str, origin: str) -> str | None:
        return token if origin == f"http://{server.host}" else None

    return GitMirrors(tmp_path / "mirrors", policy, credentials)


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_private_repository_is_fetched_with_its_token_which_is_written_nowhere(
    tmp_path: Path, forge: Forge
) -> None:
    commit = forge.commit({"a": b"1"})
    with git_server(forge.path.parent, password=TOKEN) as server:
        assert await through(server, tmp_path, TOKEN).fetch(server.url("saw.git"), commit, MAIN) == commit
    assert TOKEN.encode() not in everything_written(tmp_path / "mirrors")
    assert any(credential for _, credential in server.heard)


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_private_repository_without_the_right_token_is_unavailable_for_good(
    tmp_path: Path, forge: Forge, token: str | None
) -> None:
    commit = forge.commit({"a": b"1"})
    with (
        git_server(forge.path.parent, password="other") as server,
        pytest.raises(SourceUnavailable) as caught,
    ):
        await through(server, tmp_path, token).fetch(server.url("saw.git"), commit, MAIN)
    assert caught.value.final
    assert TOKEN not in str(caught.value)


async def test_no_redirect_is_followed_and_no_credential_goes_along(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"1"})
    with (
        git_server(forge.path.parent) as canary,
        git_server(tmp_path, redirect=f"http://{canary.host}") as server,
        pytest.raises(SourceUnavailable) as caught,
    ):
        await through(server, tmp_path, TOKEN).fetch(server.url("saw.git"), commit, MAIN)
    assert caught.value.final
    assert server.heard
    assert canary.heard == []


async def test_a_page_instead_of_a_repository_is_unavailable(tmp_path: Path) -> None:
    with git_server(tmp_path, page=b"<html>Sign in</html>") as server, pytest.raises(SourceUnavailable):
        await through(server, tmp_path).fetch(server.url("saw.git"), "", MAIN)


async def test_a_token_is_asked_for_by_address_and_origin(tmp_path: Path, forge: Forge) -> None:
    asked: list[tuple[str, str]] = []

    async def credentials(url: str, origin: str) -> None:
        asked.append((url, origin))

    forge.commit({"a": b"1"})
    with git_server(forge.path.parent) as server:
        policy = MirrorPolicy(trusted=frozenset({"127.0.0.1"}))
        mirrors = GitMirrors(tmp_path / "mirrors", policy, credentials)
        await mirrors.fetch(f"{server.url('saw.git')}/", "", MAIN)
    assert asked == [(f"{server.url('saw.git')}/", f"http://{server.host}")]


async def test_a_token_that_would_be_two_headers_is_refused(tmp_path: Path, forge: Forge) -> None:
    with git_server(forge.path.parent) as server, pytest.raises(BadInput) as caught:
        await through(server, tmp_path, "a\nX: y").fetch(server.url("saw.git"), "", MAIN)
    assert "X: y" not in str(caught.value)
    assert server.heard == []


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("1.1.1.1", "10.0.0.1"),
        ("169.254.169.254",),
        ("100.64.0.1",),
        ("::ffff:127.0.0.1",),
        ("::1",),
        (),
    ],
)
@pytest.mark.parametrize("url", ["https://forge.example/x.git", "ssh://git@forge.example/x.git"])
async def test_a_host_in_the_private_network_is_not_spoken_to(
    tmp_path: Path, addresses: tuple[str, ...], url: str
) -> None:
    mirrors = GitMirrors(tmp_path, MirrorPolicy(), resolve=resolving(*addresses))
    with pytest.raises(SourceUnavailable, match="address"):
        await mirrors.fetch(url, "", MAIN)


async def test_a_name_of_this_machine_is_found_out_by_resolving_it(tmp_path: Path, forge: Forge) -> None:
    with git_server(forge.path.parent) as server, pytest.raises(SourceUnavailable, match="private"):
        await GitMirrors(tmp_path, MirrorPolicy()).fetch(f"https://localhost:{server.port}/saw.git", "", MAIN)
    assert server.heard == []


async def test_a_host_without_an_address_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no address") as caught:
        await GitMirrors(tmp_path, MirrorPolicy()).fetch("https://forge.invalid/saw.git", "", MAIN)
    assert not caught.value.final


async def test_a_listing_over_the_limit_is_refused(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({f"{number:04}" * 10: b"" for number in range(50)})
    mirrors = local(tmp_path, GitLimits(list_bytes=1000))
    await mirrors.fetch(forge.url, commit, MAIN)
    with pytest.raises(TooLarge):
        await mirrors.list(forge.url, commit, "")


async def test_names_that_are_no_text_are_not_listed(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"", os.fsdecode(b"\xff"): b""})
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, commit, MAIN)
    assert await mirrors.list(forge.url, commit, "") == ("a",)


async def test_a_fetch_that_waits_too_long_for_its_turn_gives_up(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path, GitLimits(fetch_seconds=0.1))
    async with Mirror(tmp_path / "mirrors", forge.url).locked(1):
        with pytest.raises(SourceUnavailable, match="another fetch"):
            await mirrors.fetch(forge.url, commit, MAIN)


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path, forge: Forge) -> None:
    (tmp_path / "mirrors").write_bytes(b"a file")
    with pytest.raises(SourceUnavailable):
        await local(tmp_path).fetch(forge.url, "", MAIN)


async def test_git_dials_the_address_that_was_looked_at(tmp_path: Path, forge: Forge) -> None:
    """The name cannot be resolved at all here: only the pinned address leads to the server."""
    commit = forge.commit({"a": b"1"})
    with git_server(forge.path.parent) as server:
        url = f"http://forge.example:{server.port}/saw.git"
        settings = (("http.curloptResolve", f"forge.example:{server.port}:127.0.0.1"),)
        parsed = remote.CloneUrl(text=url, given=url, origin=remote.Origin.of(url))
        assert remote._pin(parsed, ["127.0.0.1"]) == settings
        environment = sealed_environment(settings=settings, protocol="http")
        said = await Git().run(("ls-remote", "--", url), environment, seconds=30)
    assert commit in said.output.decode()


async def test_ssh_is_spoken_with_checked_hosts_only(
    tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ssh of our own, which notes how it was called and runs the command here."""
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    commit = forge.commit({"a": b"1"})
    mirrors = GitMirrors(tmp_path / "mirrors", MirrorPolicy(trusted=frozenset({"127.0.0.1"})))
    assert await mirrors.fetch(f"ssh://git@127.0.0.1:2222{forge.path}", commit, MAIN) == commit
    called = (tmp_path / "called").read_text().split("\n")
    assert {"-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-p", "2222", "git@127.0.0.1"} <= set(called)


async def test_nothing_is_asked_of_the_server_for_a_commit_that_is_there(
    tmp_path: Path, forge: Forge
) -> None:
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, commit, MAIN)
    shutil.rmtree(forge.path)
    assert await mirrors.fetch(forge.url, commit, MAIN) == commit
    assert await mirrors.read(forge.url, commit, "a") == b"1"


async def test_a_tag_is_answered_with_its_commit(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"1"})
    tag = forge.tag("v1", commit)
    mirrors = local(tmp_path)
    assert await mirrors.fetch(forge.url, tag, "refs/tags/v1") == commit
    assert await mirrors.fetch(forge.url, "", "refs/tags/v1") == commit
    assert await mirrors.fetch(forge.url, tag, "") == commit


async def test_a_branch_may_become_a_folder_of_branches(tmp_path: Path, forge: Forge) -> None:
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, forge.commit({"a": b"1"}, "refs/heads/x"), "refs/heads/x")
    git(forge.path, "update-ref", "-d", "refs/heads/x")
    commit = forge.commit({"a": b"2"}, "refs/heads/x/y")
    assert await mirrors.fetch(forge.url, "", "refs/heads/x/y") == commit


async def test_a_rewritten_branch_keeps_what_was_fetched_before(tmp_path: Path, forge: Forge) -> None:
    mirrors = local(tmp_path)
    old = await mirrors.fetch(forge.url, forge.commit({"a": b"1"}), MAIN)
    new = await mirrors.fetch(forge.url, forge.commit({"a": b"2"}), MAIN)
    assert await mirrors.read(forge.url, old, "a") == b"1"
    assert await mirrors.read(forge.url, new, "a") == b"2"


async def test_many_fetches_leave_few_packs_and_lose_nothing(tmp_path: Path, forge: Forge) -> None:
    mirrors, commit, commits = local(tmp_path), "", []
    for number in range(25):
        commit = forge.commit({"a": str(number).encode()}, MAIN, commit)
        commits.append(await mirrors.fetch(forge.url, commit, MAIN))
    packs = list(mirrors.repository(forge.url).glob("objects/pack/*.pack"))
    assert len(packs) <= 21
    assert [await mirrors.read(forge.url, one, "a") for one in commits] == [b"%d" % n for n in range(25)]


async def test_a_repository_of_wide_ids_is_mirrored(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "wide.git", "sha256")
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    assert await mirrors.fetch(forge.url, commit, MAIN) == commit
    assert await mirrors.read(forge.url, commit, "a") == b"1"


async def test_concurrent_fetches_of_one_repository_take_turns(tmp_path: Path, forge: Forge) -> None:
    commits = [forge.commit({"a": b"%d" % number}, f"refs/heads/b{number}") for number in range(6)]
    mirrors, others = local(tmp_path), local(tmp_path)
    async with asyncio.TaskGroup() as group:
        for number, commit in enumerate(commits):
            group.create_task((mirrors, others)[number % 2].fetch(forge.url, commit, f"refs/heads/b{number}"))
    assert [await mirrors.read(forge.url, commit, "a") for commit in commits] == [b"%d" % n for n in range(6)]


def lose_head(mirror: Path) -> None:
    (mirror / "HEAD").unlink()


def break_head(mirror: Path) -> None:
    (mirror / "HEAD").write_text("nonsense")


def break_config(mirror: Path) -> None:
    (mirror / "config").write_text("[[[")


def lose_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")


def break_packs(mirror: Path) -> None:
    for path in mirror.glob("objects/pack/*"):
        path.chmod(0o600)
        path.write_bytes(b"nonsense")


def lose_packs(mirror: Path) -> None:
    for path in mirror.glob("objects/pack/*"):
        path.unlink()


def leave_locks(mirror: Path) -> None:
    """As a killed git does."""
    for name in ("HEAD.lock", "packed-refs.lock", "shallow.lock", "config.lock"):
        (mirror / name).touch()
    for ref in mirror.glob("refs/flowforge/*"):
        ref.with_name(ref.name + ".lock").touch()
    (mirror / "objects/pack/tmp_pack_abc").write_bytes(b"x")


@pytest.mark.parametrize(
    "damage", [lose_head, break_head, break_config, lose_objects, break_packs, lose_packs, leave_locks]
)
async def test_a_damaged_mirror_is_cloned_anew(
    tmp_path: Path, forge: Forge, damage: Callable[[Path], None]
) -> None:
    first = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, first, MAIN)
    damage(mirrors.repository(forge.url))
    second = forge.commit({"a": b"2"}, MAIN, first)
    assert await mirrors.fetch(forge.url, second, MAIN) == second
    assert await mirrors.read(forge.url, second, "a") == b"2"


@pytest.mark.parametrize("damage", [lose_objects, break_packs, lose_packs, break_config])
async def test_damage_found_by_reading_is_mended_by_the_next_fetch(
    tmp_path: Path, forge: Forge, damage: Callable[[Path], None]
) -> None:
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, commit, MAIN)
    damage(mirrors.repository(forge.url))
    with pytest.raises(SourceUnavailable, match="anew") as caught:
        await mirrors.read(forge.url, commit, "a")
    assert not caught.value.final
    await mirrors.fetch(forge.url, commit, MAIN)
    assert await mirrors.read(forge.url, commit, "a") == b"1"


async def test_a_read_that_waits_too_long_for_its_turn_is_unavailable(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    await mirrors.fetch(forge.url, commit, "refs/heads/main")
    lose_objects(mirrors.repository(forge.url))
    hasty = local(tmp_path, GitLimits(read_seconds=1.0))
    async with Mirror(tmp_path / "mirrors", forge.url).locked(1):
        with pytest.raises(SourceUnavailable, match="too long"):
            await hasty.read(forge.url, commit, "a")


async def test_a_fetch_over_the_quota_is_ended_and_a_later_one_works(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"large": os.urandom(8 << 20)})
    small = forge.commit({"a": b"1"}, "refs/heads/small")
    mirrors = local(tmp_path, GitLimits(fetch_bytes=1 << 18))
    with pytest.raises(SourceUnavailable, match="quota") as caught:
        await mirrors.fetch(forge.url, commit, MAIN)
    assert caught.value.final
    assert await mirrors.fetch(forge.url, small, "refs/heads/small") == small


async def test_a_server_that_keeps_silent_meets_the_deadline(tmp_path: Path) -> None:
    async def keep_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stop.wait()
        writer.close()

    stop = asyncio.Event()
    listening = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    host = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    policy = MirrorPolicy(trusted=frozenset({host}), limits=GitLimits(fetch_seconds=0.5))
    with pytest.raises(SourceUnavailable, match="longer than") as caught:
        await GitMirrors(tmp_path, policy).fetch(f"http://{host}/x.git", "", MAIN)
    assert not caught.value.final
    stop.set()
    listening.close()
    await listening.wait_closed()


async def test_a_cancelled_fetch_leaves_no_process_and_can_be_repeated(tmp_path: Path, forge: Forge) -> None:
    commit = forge.commit({"a": b"1"})
    mirrors = local(tmp_path)
    fetching = asyncio.ensure_future(mirrors.fetch(forge.url, commit, MAIN))
    while not mirrors.repository(forge.url).parent.exists():
        await asyncio.sleep(0)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert await mirrors.fetch(forge.url, commit, MAIN) == commit


async def test_a_machine_without_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="not installed"):
        await local(tmp_path).fetch("file:///x", "", MAIN)


async def test_a_git_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    with pytest.raises(SourceUnavailable, match=r"2\.37"):
        await local(tmp_path).fetch("file:///x", "", MAIN)
