import pytest

from flowforge.adapters.git.revision import branch_of, checked_commit, checked_path, checked_ref
from flowforge.errors import BadInput


@pytest.mark.parametrize("text", ["", "a" * 40, "0123456789abcdef" * 4])
def test_full_ids_are_commits(text: str) -> None:
    assert checked_commit(text) == text


@pytest.mark.parametrize("text", ["a" * 39, "A" * 40, "g" * 40, "HEAD", "-" * 40, "a" * 40 + "\n", "a" * 41])
def test_nothing_else_is_a_commit(text: str) -> None:
    with pytest.raises(BadInput):
        checked_commit(text)


@pytest.mark.parametrize(
    "text", ["", "refs/heads/main", "refs/heads/-x", "refs/tags/v1.0", "refs/pull/1/head", "refs/heads/ä/@"]
)
def test_full_names_are_refs(text: str) -> None:
    assert checked_ref(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "main", "HEAD", "refs", "refs/", "refs/heads", "refs/heads/", "/refs/heads/x", "refs//x", "refs/heads/a..b",
        "refs/heads/.x", "refs/heads/x.", "refs/heads/x.lock", "refs/heads/x.lock/y", "refs/heads/a b", "refs/heads/a~1",
        "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/a*", "refs/heads/a[", "refs/heads/a\\b",
        "refs/heads/@{x", "refs/heads/a\x7f", "refs/heads/a\n", "-refs/heads/x", "--upload-pack=x", "refs/heads/\ud800",
        "refs/heads/" + "x" * 1024, "+refs/heads/x", "refs/heads/a:refs/heads/b",
    ],
)  # fmt: skip
def test_nothing_else_is_a_ref(text: str) -> None:
    with pytest.raises(BadInput):
        checked_ref(text)


@pytest.mark.parametrize("text", ["", "a", ".flowforge/ci.yml", "-x", "a b", "ä"])
def test_paths_inside_are_paths(text: str) -> None:
    assert checked_path(text) == text


@pytest.mark.parametrize("text", ["/a", "a/", "a//b", "../a", "a/../b", ".", "a\0b", "x" * 1025, "\ud800"])
def test_paths_that_lead_out_or_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        checked_path(text)


def test_only_a_branch_has_a_branch_name() -> None:
    assert branch_of("refs/heads/a/b") == "a/b"
    assert branch_of("refs/tags/a") == ""
