"""What every forge tells in its own words means the same to us."""

import json
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from flowforge.forges.forge import Forge
from flowforge.forges.registry import FORGES, forge_named, forge_of
from flowforge.model.push import Happening, Ignored, Quiet, Reading, Several, Unreadable
from flowforge.model.trigger import PullRequest, TriggerEvent
from flowforge.testing.clock import EPOCH
from tests.forge_payloads import DIALECTS, NOTHING, Asked, Dialect, Moved, Repository, Spoken

A, B = "a" * 40, "b" * 40
SECRET = "shared"
OURS = Repository("https://forge.example", "tools/saw", 4711)
FORK = Repository("https://forge.example", "stranger/saw", 4712)
PUSH = Moved(OURS, B, A)
PULL = Asked(OURS, FORK, A)


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


def sent(dialect: Dialect, spoken: Spoken, delivery: str = "d-1") -> tuple[Forge, dict[str, str], bytes]:
    body, headers = dialect.signed(spoken, SECRET, delivery)
    lower = {name.lower(): value for name, value in headers.items()}
    forge = forge_of(lower)
    assert forge is not None
    assert forge.name == dialect.name
    return forge, lower, body


def read(dialect: Dialect, spoken: Spoken, delivery: str = "d-1") -> Reading:
    forge, headers, body = sent(dialect, spoken, delivery)
    return forge.read(headers, body)


def happening(dialect: Dialect, spoken: Spoken) -> Happening:
    found = read(dialect, spoken)
    assert isinstance(found, Happening), found
    return found


def quiet(dialect: Dialect, spoken: Spoken) -> Quiet:
    found = read(dialect, spoken)
    assert isinstance(found, Quiet), found
    return found


def test_a_push_names_its_commit_branch_and_pusher(dialect: Dialect) -> None:
    found = happening(dialect, dialect.push(PUSH))
    trigger, repository = found.trigger, found.repository
    assert (trigger.event, trigger.commit, trigger.before) == (TriggerEvent.PUSH, A, B)
    assert (trigger.ref, trigger.branch, trigger.title) == ("refs/heads/main", "main", "Sharpen the saw")
    assert (trigger.author, trigger.author_id, trigger.trusted) == ("someone", "99", True)
    assert (repository.forge, repository.origin, repository.name) == (
        dialect.name,
        "https://forge.example",
        "tools/saw",
    )
    assert repository.clone_url == "https://forge.example/tools/saw.git"
    assert found.delivery_id == "d-1"


def test_a_tag_is_no_branch(dialect: Dialect) -> None:
    found = happening(dialect, dialect.push(Moved(OURS, NOTHING, A, "refs/tags/v1")))
    trigger = found.trigger
    assert (trigger.event, trigger.ref, trigger.branch, trigger.before) == (
        TriggerEvent.TAG,
        "refs/tags/v1",
        "",
        "",
    )


def test_a_deleted_ref_is_quiet_at_its_place(dialect: Dialect) -> None:
    gone = quiet(dialect, dialect.push(Moved(OURS, A, NOTHING)))
    assert gone.place == happening(dialect, dialect.push(PUSH)).place
    assert gone.event == "deleted"


@pytest.mark.parametrize("message", ["Docs [skip ci]", "Docs\n\n[CI SKIP]"])
def test_a_commit_may_ask_to_be_skipped(dialect: Dialect, message: str) -> None:
    assert quiet(dialect, dialect.push(Moved(OURS, B, A, message=message))).event == "skipped"


def test_a_pull_request_of_a_fork_is_not_trusted(dialect: Dialect) -> None:
    trigger = happening(dialect, dialect.pull(PULL)).trigger
    assert trigger.pull_request == PullRequest(
        number=7, target="main", source_repository="stranger/saw", fork=True
    )
    assert (trigger.event, trigger.branch, trigger.title) == (
        TriggerEvent.PULL_REQUEST,
        "topic",
        "A better saw",
    )
    assert A.startswith(trigger.commit)
    assert (trigger.author_id, trigger.trusted) == ("1234", False)
    assert trigger.ref == (dialect.pull_ref.format(7) or "refs/heads/topic")


def test_a_fork_is_told_by_its_id_and_never_by_its_name(dialect: Dialect) -> None:
    same_name = Asked(OURS, Repository(OURS.base, OURS.name, 9), A)
    assert not happening(dialect, dialect.pull(same_name)).trigger.trusted
    renamed = Asked(OURS, Repository(OURS.base, "tools/former-name", OURS.id), A)
    assert happening(dialect, dialect.pull(renamed)).trigger.trusted


def test_a_source_that_is_gone_is_a_strangers(dialect: Dialect) -> None:
    assert not happening(dialect, dialect.pull(Asked(OURS, None, A))).trigger.trusted


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "retargeted"])
def test_a_pull_request_is_tried_when_its_code_or_target_may_be_new(dialect: Dialect, action: str) -> None:
    found = happening(dialect, dialect.pull(Asked(OURS, FORK, A, action=action, before=B)))
    assert found.event == "pull_request"


def test_a_closed_pull_request_is_quiet_at_its_place(dialect: Dialect) -> None:
    gone = quiet(dialect, dialect.pull(Asked(OURS, FORK, A, action="closed")))
    assert gone.place == happening(dialect, dialect.pull(PULL)).place
    assert gone.event == "closed"


def test_another_target_is_another_happening(dialect: Dialect) -> None:
    one, other = (happening(dialect, dialect.pull(Asked(OURS, FORK, A, target=t))) for t in ("main", "next"))
    assert one.place == other.place
    assert one.key != other.key


def test_any_other_event_is_ignored(dialect: Dialect) -> None:
    spoken = dialect.push(PUSH)
    assert isinstance(read(dialect, Spoken("something:else", spoken.payload)), Ignored)


def test_the_repository_is_known_before_the_signature(dialect: Dialect) -> None:
    forge, _, body = sent(dialect, dialect.push(PUSH))
    found = forge.repository(body)
    assert found is not None
    assert (found.origin, found.name) == ("https://forge.example", "tools/saw")
    assert forge.repository(b"{}") is None
    assert forge.repository(b"[" * 100_000) is None


def test_a_right_signature_is_the_only_one_that_is_taken(dialect: Dialect) -> None:
    forge, headers, body = sent(dialect, dialect.push(PUSH))
    name = dialect.signature.lower()
    given = headers[name]

    def taken(secret: str = SECRET, body: bytes = body, **changed: str) -> bool:
        return forge.signature_ok(secret.encode(), headers | changed, body, EPOCH)

    assert taken()
    assert not taken("other")
    assert not taken("")
    assert not taken(**{name: f"{given}, {given}"})
    assert not taken(**{name: ""})
    assert not taken(**{name: "sha1=" + "0" * 40})
    assert not forge.signature_ok(
        SECRET.encode(), {k: v for k, v in headers.items() if not _proves(k)}, body, EPOCH
    )
    if dialect.name != "gitlab":
        assert not taken(body=body + b" ")


def _proves(name: str) -> bool:
    return "signature" in name or name == "x-gitlab-token"


HOSTILE = (
    "--upload-pack=touch x",
    "-x",
    "../../etc",
    "a\nb",
    "a\x00b",
    "\ud800",
    "",
    "a b",
    "x" * 5000,
    "$(id)/..",
)


def _leaves(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, inner in enumerate(value) for leaf in _leaves(inner, (*path, index))]
    return [path]


def _with(payload: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    changed = deepcopy(payload)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


NAMES = frozenset(
    {
        "ref",
        "after",
        "sha",
        "full_name",
        "path_with_namespace",
        "clone_url",
        "git_http_url",
        "html_url",
        "web_url",
        "hash",
    }
)


def _repository_of(payload: dict[str, Any]) -> dict[str, Any]:
    key = "project" if "project" in payload else "repository"
    found: dict[str, Any] = payload[key]
    return found


@pytest.mark.parametrize("name", ["-x", "../x", "a b", "a..b", "x" * 600, 7])
def test_a_default_branch_that_git_does_not_take_is_refused_by_name(dialect: Dialect, name: object) -> None:
    spoken = dialect.push(PUSH)
    repository = _repository_of(spoken.payload)
    if dialect.name == "bitbucket":
        repository["mainbranch"] = {"name": name}
    else:
        repository["default_branch"] = name
    found = read(dialect, spoken)
    assert isinstance(found, Unreadable)
    assert found.field.endswith("mainbranch.name" if dialect.name == "bitbucket" else "default_branch")


@pytest.mark.parametrize("name", ["", None])
def test_a_repository_may_have_no_default_branch(dialect: Dialect, name: object) -> None:
    spoken = dialect.push(PUSH)
    _repository_of(spoken.payload).update(default_branch=name, mainbranch=None)
    assert happening(dialect, spoken).repository.default_branch == ""


@pytest.mark.parametrize("path", ["", "../x", "tools/../../x.git", "./x", "a?b", "a#b", "a//b", "%2e%2e/x"])
def test_a_clone_address_leads_nowhere_else(dialect: Dialect, path: str) -> None:
    spoken = dialect.push(PUSH)
    repository = _repository_of(spoken.payload)
    field = "git_http_url" if dialect.name == "gitlab" else "clone_url"
    repository[field] = f"https://forge.example/{path}"
    found = read(dialect, spoken)
    if dialect.name == "bitbucket":
        assert isinstance(found, Happening)
        assert found.repository.clone_url == "https://forge.example/tools/saw.git"
    else:
        assert isinstance(found, Unreadable)
        assert found.field.endswith(field)


@pytest.mark.parametrize("make", ["push", "pull"])
def test_hostile_text_in_any_field_is_refused_by_name_or_harmless(dialect: Dialect, make: str) -> None:
    spoken = dialect.push(PUSH) if make == "push" else dialect.pull(PULL)
    for path in _leaves(spoken.payload):
        for value in (*HOSTILE, None, 7, -1, 1.5, True, [], {}, [[]]):
            found = read(dialect, Spoken(spoken.event, _with(spoken.payload, path, value)))
            if isinstance(found, Unreadable):
                assert found.field.split(".")[0] in spoken.payload, (path, value, found)
            elif isinstance(found, Happening):
                _sound(found)


def _sound(found: Happening) -> None:
    trigger, repository = found.trigger, found.repository
    for text in (trigger.commit, trigger.ref, trigger.branch, repository.name, repository.clone_url):
        assert not text.startswith("-")
        assert text.isprintable()
        assert " " not in text
    assert trigger.ref.startswith("refs/")
    assert ".." not in trigger.ref + repository.name + repository.clone_url + repository.default_branch
    assert not repository.default_branch.startswith("-")
    assert repository.default_branch.isprintable()
    assert " " not in repository.default_branch
    assert repository.clone_url.startswith("https://forge.example/")


@pytest.mark.parametrize("forge", FORGES, ids=lambda forge: forge.name)
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"null", b"\xff", b'{"a":' * 5000, b"[" * 100_000, b'{"x":1e999}']
)
def test_no_body_makes_reading_raise(forge: Forge, body: bytes) -> None:
    events = (
        "push",
        "pull_request",
        "Push Hook",
        "Merge Request Hook",
        "System Hook",
        "repo:push",
        "pullrequest:updated",
    )
    for event in events:
        headers = dict.fromkeys(("x-github-event", "x-gitlab-event", "x-event-key", "x-gitea-event"), event)
        assert isinstance(forge.read(headers | {"x-forgejo-event": event}, body), Unreadable | Ignored)


def test_headers_of_two_forges_belong_to_none() -> None:
    assert forge_of({"x-gitlab-event": "Push Hook", "x-event-key": "repo:push"}) is None
    assert forge_of({"x-github-event": "push", "x-gitlab-event": "Push Hook"}) is None
    assert forge_of({}) is None
    assert forge_named("none") is None


class TestGitLab:
    dialect = DIALECTS["gitlab"]

    def test_a_push_option_asks_to_skip(self) -> None:
        spoken = self.dialect.push(PUSH)
        spoken.payload["push_options"] = {"ci": {"skip": True}}
        assert quiet(self.dialect, spoken).event == "skipped"

    def test_an_annotated_tag_runs_the_commit_behind_it(self) -> None:
        spoken = self.dialect.push(Moved(OURS, NOTHING, B, "refs/tags/v1"))
        spoken.payload["checkout_sha"] = A
        assert happening(self.dialect, spoken).trigger.commit == A

    def test_an_update_without_new_code_or_target_is_ignored(self) -> None:
        assert isinstance(
            read(self.dialect, self.dialect.pull(Asked(OURS, FORK, A, action="update"))), Ignored
        )

    def test_a_hook_of_the_whole_gitlab_is_read_by_its_kind(self) -> None:
        spoken = self.dialect.push(PUSH)
        assert isinstance(read(self.dialect, Spoken("System Hook", spoken.payload)), Happening)
        assert isinstance(read(self.dialect, Spoken("System Hook", {"event_name": "user_create"})), Ignored)

    def test_a_nested_group_is_part_of_the_name(self) -> None:
        deep = Repository(OURS.base, "tools/hand/saw", 5)
        assert (
            happening(self.dialect, self.dialect.push(Moved(deep, B, A))).repository.name == "tools/hand/saw"
        )


class TestBitbucket:
    dialect = DIALECTS["bitbucket"]

    def test_all_refs_of_one_push_are_told_apart(self) -> None:
        spoken = self.dialect.push(PUSH)
        other = self.dialect.push(Moved(OURS, A, NOTHING, "refs/heads/old")).payload["push"]["changes"]
        spoken.payload["push"]["changes"] += other
        found = read(self.dialect, spoken)
        assert isinstance(found, Several)
        assert [type(part) for part in found.parts] == [Happening, Quiet]
        assert [part.delivery_id for part in found.parts] == ["d-1", "d-1.1"]

    def test_a_push_of_nothing_is_ignored_and_one_of_too_much_unreadable(self) -> None:
        spoken = self.dialect.push(PUSH)
        spoken.payload["push"]["changes"] *= 101
        found = read(self.dialect, spoken)
        assert isinstance(found, Unreadable)
        assert found.field == "push.changes"
        spoken.payload["push"]["changes"] = []
        assert isinstance(read(self.dialect, spoken), Ignored)


def test_text_that_only_the_patient_reader_takes_is_read() -> None:
    body = json.dumps(DIALECTS["github"].push(PUSH).payload).encode().replace(b"Sharpen", b"\\ud800Sharpen")
    found = FORGES[0].read({"x-github-event": "push"}, body)
    assert isinstance(found, Happening)
    assert found.trigger.title == "Sharpen the saw"
    assert isinstance(EPOCH, datetime)
