"""Capabilities: what was sealed opens, and nothing else does."""

import base64
import json
import random
import string
from dataclasses import replace

import pytest

from flowforge.engine.capability import LONGEST, opened, sealed
from flowforge.model.attempt import AttemptKey
from flowforge.model.capability import Capability

KEY = b"a key of the server"
NOW = 1_700_000_000.0
ATTEMPT = AttemptKey(run=1, job=23, number=4)
CAPABILITY = Capability(
    organisation_id=1, attempt=ATTEMPT, method="GET", object="source", expires=int(NOW) + 60
)


def test_what_was_sealed_opens_until_it_expires() -> None:
    text = sealed(KEY, CAPABILITY)
    assert opened(KEY, text, "GET", NOW) == CAPABILITY
    assert opened(KEY, text, "GET", CAPABILITY.expires) is None
    assert opened(KEY, text, "PUT", NOW) is None
    assert opened(b"another key", text, "GET", NOW) is None


def test_any_edit_of_the_text_is_refused() -> None:
    text = sealed(KEY, CAPABILITY)
    letters = string.ascii_letters + string.digits + "-_.=+/ \u00e4"
    chance = random.Random(7)
    for place in range(len(text)):
        for letter in chance.sample(letters, 12):
            for edited in (
                text[:place] + letter + text[place + 1 :],
                text[:place] + letter + text[place:],
                text[:place] + text[place + 1 :],
            ):
                assert (opened(KEY, edited, "GET", NOW) is None) is (edited != text), edited


def test_no_byte_passes_from_one_field_to_the_next() -> None:
    chance = random.Random(11)
    shifted = [
        (CAPABILITY, replace(CAPABILITY, object="sourc", method="eGET")),
        (CAPABILITY, replace(CAPABILITY, attempt=AttemptKey(run=12, job=3, number=4))),
        (CAPABILITY, replace(CAPABILITY, attempt=AttemptKey(run=1, job=2, number=34))),
        (CAPABILITY, replace(CAPABILITY, organisation_id=11, attempt=replace(ATTEMPT, run=1))),
    ]
    for one, other in shifted:
        body, mac = sealed(KEY, one).split(".")
        other_body, other_mac = sealed(KEY, other).split(".")
        assert body != other_body
        assert opened(KEY, f"{other_body}.{mac}", "GET", NOW) is None
        assert opened(KEY, f"{body}.{other_mac}", "GET", NOW) is None
    for _ in range(300):
        one, other = (_random(chance) for _ in range(2))
        if one != other:
            assert sealed(KEY, one) != sealed(KEY, other)


def _random(chance: random.Random) -> Capability:
    alphabet = '",.[]\\\x00é/1'
    return Capability(
        organisation_id=chance.randrange(3),
        attempt=AttemptKey(run=chance.randrange(3), job=chance.randrange(3), number=chance.randrange(3)),
        method=chance.choice(["GET", "PUT", ""]),
        object="".join(chance.choices(alphabet, k=chance.randrange(4))),
        expires=chance.randrange(3),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b"nothing",
        b'["flowforge-capability-1",1,"1.2","GET","source",9]',
        b'["flowforge-capability-1",1,"1.2.3","GET","source",1e999]',
        b"[" * 1000,
    ],
)
def test_what_is_no_capability_is_refused_and_raises_nothing(body: bytes) -> None:
    text = base64.urlsafe_b64encode(body).decode().rstrip("=")
    assert opened(KEY, f"{text}.{text}", "GET", NOW) is None
    assert opened(KEY, text, "GET", NOW) is None


def test_the_same_facts_in_other_words_are_refused() -> None:
    """JSON with spaces means the same, and was not what was sealed."""
    body, mac = sealed(KEY, CAPABILITY).split(".")
    facts = json.loads(base64.urlsafe_b64decode(body + "=="))
    spaced = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
    assert opened(KEY, f"{spaced}.{mac}", "GET", NOW) is None
    assert opened(KEY, "a" * (LONGEST + 1) + ".b", "GET", NOW) is None
