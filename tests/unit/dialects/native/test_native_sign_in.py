"""Who pulls the images of a job."""

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect
from flowforge.model.inputs import NOTHING_GIVEN
from flowforge.model.secret_ref import SecretRef
from flowforge.model.sign_in import SignIn

from .test_native_occasions import by_hand, read

FILE = """
jobs:
  a:
    docker:
      - image: registry.example.org/tool
        auth: {username: robot, password: $TOOL_PASSWORD}
      - image: registry.example.org/db
        auth: {username: "${DB_USER}", password: "${DB_PASSWORD}"}
      - image: redis
    steps: [checkout]
"""


@pytest.mark.parametrize("dialect", [NATIVE, CIRCLECI])
def test_images_are_pulled_with_secrets_that_the_job_declares_by_that(dialect: Dialect) -> None:
    (job,) = read(FILE, dialect=dialect).jobs
    assert job.sign_in == SignIn(username="robot", password=SecretRef(name="TOOL_PASSWORD"))
    db, redis = job.services
    assert db.sign_in == SignIn(username=SecretRef(name="DB_USER"), password=SecretRef(name="DB_PASSWORD"))
    assert redis.sign_in is None
    assert [each.name for each in job.secrets] == ["TOOL_PASSWORD", "DB_USER", "DB_PASSWORD"]


def test_secret_that_is_declared_anyway_is_declared_once() -> None:
    declared = FILE.replace("    steps:", "    secrets: [DB_USER, MORE]\n    steps:")
    (job,) = read(declared).jobs
    assert [each.name for each in job.secrets] == ["DB_USER", "MORE", "TOOL_PASSWORD", "DB_PASSWORD"]


@pytest.mark.parametrize(
    ("auth", "code", "message"),
    [
        ("x", "wrong-type", "`auth` must be a mapping, not text"),
        ("{username: x}", "missing-key", "`auth` has no `password`"),
        ("{password: $X}", "missing-key", "`auth` has no `username`"),
        ("{username: x, password: plain}", "bad-value", "a password cannot stand in a file"),
        ("{username: x, password: $1}", "bad-value", "a password cannot stand in a file"),
        ("{username: x, password: ''}", "empty-value", "`password` is empty"),
        ("{username: x, password: $X, token: y}", "unknown-key", "unknown key of `auth`: `token`"),
        ("{username: x, password: $<< pipeline.parameters.p >>}", "outside-value",
         "`password` cannot hold a value that comes from outside"),
    ],
)  # fmt: skip
def test_sign_in_that_cannot_be_is_named(auth: str, code: str, message: str) -> None:
    text = (
        "parameters: {p: {type: string, default: x}}\n"
        f"jobs: {{a: {{docker: [{{image: x, auth: {auth}}}], steps: [checkout]}}}}\n"
    )
    for given in (NOTHING_GIVEN, by_hand()):
        (problem,) = NATIVE.parse(text, "ci.yml", given).problems
        assert (problem.code, problem.message, problem.mark.line) == (code, message, 2)


def test_sign_in_of_a_cloud_is_left_out_with_a_warning() -> None:
    text = FILE.replace("auth: {username: robot", "aws_auth: {username: robot").replace(
        "- image: redis", "- {image: redis, aws_auth: {}}"
    )
    found = CIRCLECI.parse(text, "c.yml", NOTHING_GIVEN).problems
    assert [(each.code, each.mark.line) for each in found] == [("left-out", 6), ("left-out", 9)]
