"""The signed header of GitLab, which the Standard Webhooks are the model of."""

import base64

import pytest

from flowforge.forges.gitlab import signature_ok
from flowforge.testing.clock import EPOCH
from tests.forge_payloads import gitlab_signed_headers

KEY = bytes(range(32))
TOKEN = b"whsec_" + base64.b64encode(KEY)
BODY = b'{"a": 1}'
NOW = int(EPOCH.timestamp())


def headers(at: int = NOW, key: bytes = KEY, delivery: str = "id-1") -> dict[str, str]:
    return {"x-gitlab-event": "Push Hook"} | gitlab_signed_headers(delivery, at, key, BODY)


def test_a_signature_with_the_key_in_the_token_is_taken() -> None:
    assert signature_ok(TOKEN, headers(), BODY, EPOCH)


def test_a_token_that_is_no_marked_key_is_the_key_itself() -> None:
    for token in (b"plain", b"whsec_!", b"whsec_"):
        assert signature_ok(token, headers(key=token), BODY, EPOCH)


def test_one_of_several_signatures_is_enough_while_the_key_is_changed() -> None:
    old, new = headers(key=b"old")["webhook-signature"], headers()["webhook-signature"]
    assert signature_ok(TOKEN, headers() | {"webhook-signature": f"{old} {new}"}, BODY, EPOCH)
    assert not signature_ok(TOKEN, headers() | {"webhook-signature": f"{old} {old}"}, BODY, EPOCH)


@pytest.mark.parametrize("late", [-301, 301, 86_400])
def test_an_old_or_a_future_one_is_refused(late: int) -> None:
    assert not signature_ok(TOKEN, headers(at=NOW + late), BODY, EPOCH)
    assert signature_ok(TOKEN, headers(at=NOW + 290 * (1 if late > 0 else -1)), BODY, EPOCH)


GOOD = headers()["webhook-signature"]


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": ""},
        {"webhook-signature": f"{GOOD}, {GOOD}"},
        {"webhook-signature": GOOD.removeprefix("v1,")},
        {"webhook-signature": GOOD.replace("v1", "v2")},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "1" * 400},
        {"webhook-id": "another"},
        {"webhook-signature": "v1,x", "x-gitlab-token": TOKEN.decode()},
    ],
)
def test_anything_else_is_refused_and_no_token_rescues_it(changed: dict[str, str]) -> None:
    assert not signature_ok(TOKEN, headers() | changed, BODY, EPOCH)


def test_nothing_is_trusted_without_a_secret() -> None:
    assert not signature_ok(b"", headers(key=b""), BODY, EPOCH)
    assert not signature_ok(b"", {"x-gitlab-token": ""}, BODY, EPOCH)
