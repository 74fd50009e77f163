"""Cron expressions, as crontab(5) reads them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.model.cron import Cron, parse_cron, zone_named

BERLIN = ZoneInfo("Europe/Berlin")


def cron(text: str) -> Cron:
    found = parse_cron(text)
    assert isinstance(found, Cron), found
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("* * * * *", "2026-11-21T14:00", "2026-11-21T14:01"),
        ("*/15 * * * *", "2026-11-21T14:31", "2026-11-21T14:45"),
        ("5/20 * * * *", "2026-11-21T14:31", "2026-11-21T14:45"),
        ("0 3 * * *", "2026-11-21T14:00", "2026-11-22T03:00"),
        ("@daily", "2026-11-21T14:00", "2026-11-22T00:00"),
        ("30 9 * * mon-fri", "2026-11-21T14:00", "2026-11-23T09:30"),
        ("0 0 * * 7", "2026-11-21T14:00", "2026-11-22T00:00"),
        ("0 0 1,15 * *", "2026-11-21T14:00", "2026-12-01T00:00"),
        ("0 0 13 * fri", "2026-11-21T14:00", "2026-11-27T00:00"),
        ("0 0 */2 * fri", "2026-11-21T14:00", "2026-11-27T00:00"),
        ("0 0 29 FEB *", "2026-11-21T14:00", "2028-02-29T00:00"),
        ("10-20/5 8 * * *", "2026-11-21T14:00", "2026-11-22T08:10"),
    ],
)
def test_the_next_time_is_found(text: str, now: str, then: str) -> None:
    assert cron(text).after(at(now), UTC) == at(then)


def test_a_day_that_never_comes_has_no_time() -> None:
    assert cron("0 0 30 2 *").after(at("2026-11-21T14:00"), UTC) is None


def test_times_are_local_to_the_zone() -> None:
    assert cron("0 9 * * *").after(at("2026-07-01T00:00"), BERLIN) == at("2026-07-01T07:00")
    assert cron("0 9 * * *").after(at("2026-12-01T00:00"), BERLIN) == at("2026-12-01T08:00")


def test_a_time_that_a_clock_change_skips_comes_once_behind_the_gap() -> None:
    first = cron("30 2 * * *").after(at("2026-03-28T12:00"), BERLIN)
    assert first == at("2026-03-29T01:30")
    assert first is not None
    assert cron("30 2 * * *").after(first, BERLIN) == at("2026-03-30T00:30")


def test_a_time_that_a_clock_change_repeats_comes_once() -> None:
    first = cron("30 2 * * *").after(at("2026-10-24T12:00"), BERLIN)
    assert first == at("2026-10-25T00:30")
    assert first is not None
    assert cron("30 2 * * *").after(first, BERLIN) == at("2026-10-26T01:30")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("60 * * * *", "'60' is no minute of a cron expression (0 to 59)"),
        ("* * 0 * *", "'0' is no day"),
        ("* * * foo *", "'foo' is no month"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("* * * * 1,,2", "'1,,2' is no weekday"),
        ("²  * * * *", "'²' is no minute"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    assert said in str(parse_cron(text))


@pytest.mark.parametrize("name", ["", "../etc/passwd", "/etc/passwd", "Nowhere/Land", "a" * 500, "Europe"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_named(name) is None


def test_a_zone_is_found_by_its_name() -> None:
    assert zone_named("Europe/Berlin") == BERLIN


@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    assert isinstance(parse_cron(text), Cron | str)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1)))  # noqa: DTZ001 - aware below
def test_the_next_time_is_always_later(now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    found = cron("17 */3 * * *").after(moment, BERLIN)
    assert found is not None
    assert found > moment
