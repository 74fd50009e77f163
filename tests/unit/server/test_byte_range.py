"""Range headers against a size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.server.byte_range import ByteRange, Unsatisfiable, byte_range


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    try:
        found = byte_range(f"bytes={first}-{last}", size)
    except Unsatisfiable:
        assert data[first : last + 1] == b""
        return
    if last < first:
        assert found is None
    else:
        assert found is not None
        assert data[found.start : found.end] == data[first : last + 1]


@given(st.integers(1, 50), st.integers(1, 60))
def test_a_suffix_is_the_end(size: int, count: int) -> None:
    assert byte_range(f"bytes=-{count}", size) == ByteRange(start=max(0, size - count), end=size)


@given(st.text(max_size=40), st.integers(0, 50))
def test_no_text_is_an_error(text: str, size: int) -> None:
    try:
        byte_range(text, size)
    except Unsatisfiable:
        assert text.startswith("bytes")


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_nothing_has_no_ranges(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        byte_range(header, 0)
