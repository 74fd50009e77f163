"""Cron expressions of five fields, as crontab(5) reads them, in a time zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(r"(?:\*|([a-z0-9]{1,3})(?:-([a-z0-9]{1,3}))?)(?:/([0-9]{1,2}))?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")
_LONGEST = 200
_DAYS_AHEAD = 8 * 366 + 1
"""The 29th of February comes after eight years at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        if text in self.words:
            return self.first + self.words.index(text)
        number = int(text) if text.isdigit() else -1
        return number if self.first <= number <= self.last else None


_FIELDS = (
    _Field(name="minute", first=0, last=59),
    _Field(name="hour", first=0, last=23),
    _Field(name="day", first=1, last=31),
    _Field(name="month", first=1, last=12, words=_MONTHS),
    _Field(name="weekday", first=0, last=7, words=_WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A day counts if it is among `days` and `weekdays`, or among either where both are restricted, as crontab(5) has it."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def after(self, at: datetime, zone: tzinfo) -> datetime | None:
        """The first time behind `at`, in UTC; None for one that never comes. A local time that a clock change skips
        comes right behind the gap, and one that it repeats counts once."""
        day = at.astimezone(zone).date() - timedelta(days=1)
        for _ in range(_DAYS_AHEAD):
            if self._counts(day):
                found = next((time for time in self._times(day, zone) if time > at), None)
                if found:
                    return found
            day += timedelta(days=1)
        return None

    def _counts(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either else by_day and by_weekday

    def _times(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def parse_cron(text: str) -> Cron | str:
    """The sentence that says what is wrong where the text is none."""
    words = _NICKNAMES.get(text.strip().lower(), text.lower())[:_LONGEST].split()
    if len(words) != len(_FIELDS):
        return "a cron expression has five fields: minute, hour, day, month, weekday"
    found: list[frozenset[int]] = []
    for field, word in zip(_FIELDS, words, strict=True):
        values = _values(field, word)
        if values is None:
            return f"{word!r} is no {field.name} of a cron expression ({field.first} to {field.last})"
        found.append(values)
    minutes, hours, days, months, weekdays = found
    return Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either=not (words[2].startswith("*") or words[4].startswith("*")),
    )


def zone_named(name: str) -> tzinfo | None:
    """None where there is no such time zone."""
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        return None


def _values(field: _Field, text: str) -> frozenset[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        values = _range(field, part)
        if values is None:
            return None
        found.update(values)
    return frozenset(found)


def _range(field: _Field, text: str) -> range | None:
    match = _PART.fullmatch(text)
    if match is None:
        return None
    low, high, step = match.groups()
    first = field.number(low) if low else field.first
    last = field.number(high) if high else (first if low and not step else field.last)
    if first is None or last is None or first > last or step == "0":
        return None
    return range(first, last + 1, int(step) if step else 1)
