import hmac
from hashlib import sha1

import pytest

from flowforge.forges.github import GITHUB, read, recognise, signature_ok
from flowforge.forges.registry import forge_named, forge_of
from flowforge.model.push import ForgeRepository, Happening, Ignored, Quiet, Reading, Unreadable
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.testing.clock import EPOCH
from tests.unit.forges.samples import BEFORE, COMMIT, encoded, headers, push, repository, signed

SECRET = b"a secret"
NOW = EPOCH


def reading(body: object, event: str = "push") -> Reading:
    return read(headers(event), encoded(body))


def happening(body: object) -> Happening:
    found = reading(body)
    assert isinstance(found, Happening)
    return found


def test_a_push_becomes_a_happening() -> None:
    assert reading(push()) == Happening(
        repository=ForgeRepository(
            forge="github",
            origin="https://forge.example",
            native_id="4711",
            name="tools/saw",
            clone_url="https://forge.example/tools/saw.git",
            default_branch="main",
        ),
        trigger=Trigger(
            event=TriggerEvent.PUSH,
            repository="tools/saw",
            commit=COMMIT,
            ref="refs/heads/main",
            branch="main",
            title="Sharpen the saw",
            author="someone",
            before=BEFORE,
        ),
        event="push",
        place="github\nhttps://forge.example\n4711\nrefs/heads/main",
        key=f"github\nhttps://forge.example\n4711\nrefs/heads/main\n{BEFORE}\n{COMMIT}",
        delivery_id="72d3162e-cc78-11e3",
    )


def test_a_pushed_tag_is_a_tag_and_no_branch() -> None:
    found = happening(push(ref="refs/tags/v1.0"))
    assert (found.event, found.trigger.event, found.trigger.branch) == ("tag", TriggerEvent.TAG, "")


@pytest.mark.parametrize(
    "change",
    [
        {"ref": "refs/heads/other"},
        {"before": "c" * 40},
        {"after": "c" * 40},
        {"repository": repository(id=7)},
    ],
)
def test_the_key_differs_with_what_happened(change: dict[str, object]) -> None:
    assert happening(push(**change)).key != happening(push()).key


def test_the_key_stays_when_only_the_words_differ() -> None:
    assert happening(push(head_commit={"message": "Other"})).key == happening(push()).key


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (push(), "ping"),
        (push(), "issues"),
        (push(deleted=True), "push"),
        (push(after="0" * 40), "push"),
        (push(after="0" * 64), "push"),
        (push(head_commit={"message": "Docs [skip ci]"}), "push"),
        (push(head_commit={"message": "Docs\n\n[CI SKIP]"}), "push"),
    ],
)
def test_what_starts_nothing_is_ignored_with_a_reason(body: object, event: str) -> None:
    found = reading(body, event)
    assert isinstance(found, Ignored | Quiet)
    assert found.reason


def without(body: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (without(push(), "repository"), "repository"),
        (push(repository="tools/saw"), "repository"),
        (without(push(), "ref"), "ref"),
        (push(ref=7), "ref"),
        (push(ref="main"), "ref"),
        (push(ref="refs/heads/../../x"), "ref"),
        (push(ref="refs/heads/a b"), "ref"),
        (push(ref="refs/heads/-\ud800"), "ref"),
        (push(ref="refs/heads/x.lock"), "ref"),
        (push(ref="refs/heads/x\n"), "ref"),
        (without(push(), "after"), "after"),
        (push(after=None), "after"),
        (push(after="--upload-pack=x"), "after"),
        (push(after="A" * 40), "after"),
        (push(after="a" * 41), "after"),
        (push(repository=repository(id="4711")), "repository.id"),
        (push(repository=repository(id=True)), "repository.id"),
        (push(repository=repository(id=-1)), "repository.id"),
        (push(repository=repository(id=10**18)), "repository.id"),
        (push(repository=repository(full_name="../saw")), "repository.full_name"),
        (push(repository=repository(full_name="saw")), "repository.full_name"),
        (push(repository=repository(full_name="a/b/c")), "repository.full_name"),
        (push(repository=repository(full_name="tools/saw\n")), "repository.full_name"),
        (push(repository=repository(full_name="a/..")), "repository.full_name"),
        (push(repository=repository(html_url="javascript:alert(1)")), "repository.html_url"),
        (push(repository=repository(html_url="https://u@forge.example/x")), "repository.html_url"),
        (push(repository=repository(html_url="https://forge_example/x")), "repository.html_url"),
        (push(repository=repository(clone_url="https://elsewhere.example/x")), "repository.clone_url"),
        (push(repository=repository(clone_url="http://forge.example/x")), "repository.clone_url"),
        (push(repository=repository(clone_url="https://forge.example:444/x")), "repository.clone_url"),
        (push(repository=repository(clone_url="ext::sh -c x")), "repository.clone_url"),
        (
            push(repository=repository(clone_url="https://forge.example@evil.example/x")),
            "repository.clone_url",
        ),
        (push(repository=without(repository(), "clone_url")), "repository.clone_url"),
    ],
)
def test_a_field_that_is_missing_or_malformed_is_named(body: object, field: str) -> None:
    found = reading(body)
    assert isinstance(found, Unreadable)
    assert found.field == field
    assert found.reason.startswith(field)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"ref": NaN}',
        b"payload=%7B%7D",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object_is_unreadable(body: bytes) -> None:
    assert isinstance(read(headers(), body), Unreadable)


def test_text_for_people_loses_control_characters_and_length() -> None:
    message = "\x1b[31mred\u202e\tx" + "y" * 500
    found = happening(push(head_commit={"message": message, "author": {"name": "A\x00B\ud800"}}))
    assert found.trigger.title.startswith("[31mred xyyy")
    assert len(found.trigger.title) == 200
    assert found.trigger.author == "AB"


@pytest.mark.parametrize(
    ("changes", "author"),
    [
        ({"head_commit": None}, "pusher"),
        ({"head_commit": None, "pusher": None}, ""),
        ({"head_commit": {"author": {"name": "Some One"}}}, "Some One"),
    ],
)
def test_the_author_is_the_best_known_name(changes: dict[str, object], author: str) -> None:
    assert happening(push(**changes)).trigger.author == author


def test_a_number_without_end_elsewhere_does_not_matter() -> None:
    body = encoded(push()).replace(b'{"ref"', b'{"size": ' + b"1" * 100_000 + b', "ref"')
    assert isinstance(read(headers(), body), Happening)


@pytest.mark.parametrize("before", [5, ["a"], {}, "", "main", "a" * 39])
def test_a_before_that_is_no_commit_is_named(before: object) -> None:
    found = read(headers(), encoded(push(before=before)))
    assert isinstance(found, Unreadable)
    assert found.field == "before"


def test_an_absent_before_and_an_unsound_delivery_id_count_as_none() -> None:
    found = read(headers() | {"x-github-delivery": "a b"}, encoded(push(before=None)))
    assert isinstance(found, Happening)
    assert found.delivery_id == ""
    assert found.key.split("\n")[4] == ""


def test_a_signature_over_the_raw_bytes_is_accepted() -> None:
    body = encoded(push())
    assert signature_ok(SECRET, signed(SECRET, body), body, NOW)


BODY = encoded(push())
GOOD = signed(SECRET, BODY)["x-hub-signature-256"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD.upper(),
        GOOD.removeprefix("sha256="),
        GOOD.replace("sha256", "sha1"),
        f"{GOOD},{GOOD}",
        f"{GOOD}, {signed(b'x', BODY)['x-hub-signature-256']}",
        f"{GOOD}\n",
        f" {GOOD}",
        GOOD[:-1],
        "sha256=" + "é" * 64,
        signed(b"wrong", BODY)["x-hub-signature-256"],
    ],
)
def test_any_other_signature_is_refused(header: str | None) -> None:
    sent = headers() if header is None else headers() | {"x-hub-signature-256": header}
    assert not signature_ok(SECRET, sent, BODY, NOW)


def test_a_sha1_signature_alone_is_refused() -> None:
    old = hmac.digest(SECRET, BODY, sha1).hex()
    assert not signature_ok(SECRET, headers() | {"x-hub-signature": f"sha1={old}"}, BODY, NOW)


def test_a_signature_of_a_reserialised_body_is_refused() -> None:
    assert not signature_ok(SECRET, signed(SECRET, BODY), BODY.replace(b", ", b","), NOW)


def test_nothing_is_trusted_without_a_secret() -> None:
    assert not signature_ok(b"", signed(b"x", BODY), BODY, NOW)


def test_the_registry_finds_a_forge_by_its_headers() -> None:
    assert forge_of(headers()) is GITHUB
    assert forge_of({}) is None
    assert forge_named("github") is GITHUB
    assert forge_named("other") is None


def test_a_forge_that_only_imitates_github_is_not_recognised() -> None:
    assert not recognise(headers() | {"x-gitea-event": "push"})
