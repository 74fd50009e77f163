"""How values read."""

from datetime import UTC, datetime, timedelta

import pytest

from flowforge.server.pages import words

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s ago"),
        (-5, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3600, "1 h ago"),
        (86400, "yesterday"),
        (3 * 86400, "3 days ago"),
        (90 * 86400, "2025-12-01"),
    ],
)
def test_ages(seconds: int, said: str) -> None:
    assert words.age(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("seconds", "short", "spoken"),
    [
        (None, words.NOTHING, words.NOTHING),
        (0.04, "0.0 s", "0.0 s"),
        (9.4, "9.4 s", "9.4 s"),
        (48.4, "48 s", "48 s"),
        (185, "3m 05s", "3 min 05 s"),
        (4320, "1 h 12m", "1 h 12 min"),
    ],
)
def test_durations(seconds: float | None, short: str, spoken: str) -> None:
    assert words.short(seconds) == short
    assert words.spoken(seconds) == spoken


@pytest.mark.parametrize(
    ("count", "said"), [(999, "999 B"), (1_500, "1.5 kB"), (3_400_000, "3.4 MB"), (2_100_000_000, "2.1 GB")]
)
def test_sizes(count: int, said: str) -> None:
    assert words.size(count) == said


def test_what_is_not_there_is_empty() -> None:
    assert (words.exact(None), words.machine(None)) == ("", "")
    assert words.age(None, NOW) == words.NOTHING


def test_times_are_utc() -> None:
    assert words.exact(NOW) == "2026-03-01 12:00:00 UTC"
    assert words.machine(NOW) == "2026-03-01T12:00:00Z"
