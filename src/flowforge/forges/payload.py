"""Reads a webhook's body: hostile JSON in, checked fields out."""

import json
import unicodedata
from collections.abc import Callable
from typing import TypeVar

import orjson

T = TypeVar("T")

MOST_PARTS = 100
"""Of one delivery that tells of several things."""
_LONGEST_TEXT = 200
_LONGEST_NUMBER = 18


class Missing(Exception):
    """A field that must be there is not, or is not what it must be. Never leaves this package."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = f"{field} {reason}"


class Payload:
    """An object of the body and where it stands in it."""

    def __init__(self, fields: dict[str, object], place: str = "") -> None:
        self._fields = fields
        self._place = place

    def within(self, name: str) -> "Payload":
        found = self._fields.get(name)
        if not isinstance(found, dict):
            raise self._missing(name, found, "an object")
        return Payload(found, f"{self._place}{name}.")

    def perhaps_within(self, name: str) -> "Payload":
        """Empty where there is none."""
        found = self._fields.get(name)
        return Payload(found if isinstance(found, dict) else {}, f"{self._place}{name}.")

    def each(self, name: str) -> "list[Payload]":
        """The objects of a list, at most `MOST_PARTS`."""
        found = self._fields.get(name)
        if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
            raise self._missing(name, found, "a list of objects")
        if len(found) > MOST_PARTS:
            raise Missing(f"{self._place}{name}", f"has more than {MOST_PARTS} entries")
        return [Payload(part, f"{self._place}{name}.{index}.") for index, part in enumerate(found)]

    def perhaps_each(self, name: str) -> "list[Payload]":
        """Empty where there is no list of objects."""
        found = self._fields.get(name)
        listed = found[-MOST_PARTS:] if isinstance(found, list) else []
        return [Payload(part, f"{self._place}{name}.") for part in listed if isinstance(part, dict)]

    def text(self, name: str) -> str:
        found = self._fields.get(name)
        if not isinstance(found, str) or not found:
            raise self._missing(name, found, "a text")
        return found

    def number(self, name: str) -> int:
        found = self._fields.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 10**_LONGEST_NUMBER:
            raise self._missing(name, found, "a positive number")
        return found

    def checked(self, name: str, check: Callable[[str], T | None]) -> T:
        """`check` answers None for a text that will not do."""
        found = check(self.text(name))
        if found is None:
            raise Missing(f"{self._place}{name}", "is malformed")
        return found

    def perhaps_checked(self, name: str, check: Callable[[str], T | None]) -> T | None:
        """None where there is none; one that is there must do."""
        return self.checked(name, check) if self.has(name) else None

    def perhaps_named(self, name: str, check: Callable[[str], str | None]) -> str:
        """Empty where there is none, or an empty text; one that is there must do."""
        return (self.perhaps_checked(name, check) or "") if self._fields.get(name) != "" else ""

    def perhaps_number(self, name: str) -> str:
        """A number's digits, empty where there is none."""
        found = self._fields.get(name)
        return str(found) if isinstance(found, int) and not isinstance(found, bool) and found > 0 else ""

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def flag(self, name: str) -> bool:
        return self._fields.get(name) is True

    def perhaps(self, name: str) -> str:
        """A text for people to read: one line of printable characters, of bounded length; empty where there is none."""
        found = self._fields.get(name)
        return one_line(found) if isinstance(found, str) else ""

    def raw(self, name: str) -> str:
        """A text as it is, empty where there is none."""
        found = self._fields.get(name)
        return found if isinstance(found, str) else ""

    def _missing(self, name: str, found: object, kind: str) -> Missing:
        return Missing(f"{self._place}{name}", "is missing" if found is None else f"is not {kind}")


def parse(body: bytes) -> Payload:
    """What the fast reader does not take (half a surrogate pair, a number beyond any float) the patient one may."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _read_patiently(body)
    if not isinstance(found, dict):
        raise Missing("", "the body is not a JSON object")
    return Payload(found)


def _read_patiently(body: bytes) -> object:
    try:
        return json.loads(body, parse_int=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Missing("", "the body is not a JSON object") from None


def _number(digits: str) -> int | float:
    """Python takes quadratic time over long integers, and refuses very long ones."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def one_line(text: str) -> str:
    """The first line, without control and direction characters."""
    line = text[: _LONGEST_TEXT * 4].lstrip().split("\n", 1)[0]
    if line.isprintable():
        return line.strip()[:_LONGEST_TEXT]
    shown = "".join(" " if c == "\t" else c for c in line if c == "\t" or unicodedata.category(c)[0] != "C")
    return shown.strip()[:_LONGEST_TEXT]
