"""Who pulls an image, as the engine is told."""

import base64
import json

import pytest

from flowforge.adapters.executors.docker.registry_sign_in import ANONYMOUS, credential, registry_of, sign_ins
from flowforge.model.order import JobOrder
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.sign_in import SignIn

PASSWORD = SecretRef(name="PASSWORD")
ROBOT = SignIn(username="robot", password=PASSWORD)
OTHER = SignIn(username=SecretRef(name="WHO"), password=PASSWORD)


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("python:3.12", "https://index.docker.io/v1/"),
        ("team/tool", "https://index.docker.io/v1/"),
        ("registry.example.org/team/tool@sha256:0", "registry.example.org"),
        ("127.0.0.1:5000/tool:1", "127.0.0.1:5000"),
        ("localhost/tool", "localhost"),
    ],
)
def test_registry_is_what_stands_before_the_first_slash_and_looks_like_a_host(
    reference: str, registry: str
) -> None:
    assert registry_of(reference) == registry


def test_credential_is_told_as_engines_read_it_and_shows_nothing_of_itself() -> None:
    found = credential(
        "registry.example.org/tool", OTHER, {"WHO": "ann", "PASSWORD": "p?ss~wörd", "MORE": "x"}
    )
    told = json.loads(base64.urlsafe_b64decode(found.header))
    assert told == {"username": "ann", "password": "p?ss~wörd", "serveraddress": "registry.example.org"}
    assert found.header not in repr(found)
    assert found.missing == ""


def test_without_its_secret_nobody_signs_in() -> None:
    assert credential("a/b", None, {}) == ANONYMOUS
    found = credential("a/b", OTHER, {"WHO": "ann"})
    assert (found.header, found.missing) == ("", "PASSWORD")


def test_each_image_of_a_job_has_the_sign_in_that_is_told_for_it_first() -> None:
    services = (
        ServiceSpec(names=("db",), image="db", sign_in=OTHER),
        ServiceSpec(names=("tool",), image="tool", sign_in=OTHER),
        ServiceSpec(names=("free",), image="free"),
        ServiceSpec(names=("plain",), image="db"),
    )
    order = JobOrder(key="a", name="a", steps=(), image="tool", sign_in=ROBOT, services=services)
    assert sign_ins(order, "tool") == {"tool": ROBOT, "db": OTHER, "free": None}
