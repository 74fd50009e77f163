import pytest

from flowforge.adapters.git.entry_names import why_refused


@pytest.mark.parametrize(
    "path",
    [
        b"a", b"a/b", b".github/x", b".gitignore", b".gitmodules", b"digit~1", b"git", b"git~x", b".git-x", b".gitx",
        "ä.git".encode(), b"-rf", b"a b", b"..a", b"\xff\xfe", b"a.git", b"x/" * 255 + b"x", b"...",
    ],
)  # fmt: skip
def test_ordinary_names_may_be_written(path: bytes) -> None:
    assert why_refused(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"a/../b", "folder"),
        (b"/a", "folder"),
        (b"a//b", "folder"),
        (b"", "folder"),
        (b"a\0b", "control"),
        (b"a\r", "control"),
        (b"x" * 256, "too long"),
        (b"x/" * 256 + b"x", "too deep"),
        (b"a/.git/hooks", "git's own"),
        (b".GiT", "git's own"),
        (b"git~2", "git's own"),
        (b".git . .", "git's own"),
        (b".git::$INDEX_ALLOCATION/x", "git's own"),
        (".g\u200cit".encode(), "git's own"),
        (".\u206agit\ufeff".encode(), "git's own"),
        (b"a\\.git", "git's own"),
    ],
)
def test_hostile_names_may_not(path: bytes, why: str) -> None:
    assert why in why_refused(path)
