"""Whether a body can be read as JSON at all: what cannot is 400, before anybody looks for fields in it."""

import json
import re

from flowforge.errors import BadInput

LONGEST_NUMBER = 400
"""In digits: more than any number that something is counted with, and far less than Python refuses to read."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair, which JSON can spell and no file, row or process takes."""


def check_json(content_type: str, body: bytes) -> None:
    """Raises `BadInput` that says why. An empty body is fine: whoever needs fields says which."""
    if not body:
        return
    if not _is_json(content_type):
        raise BadInput("the body is not declared to be JSON: send Content-Type: application/json")
    try:
        found = json.loads(body, parse_int=_bounded, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except UnicodeDecodeError:
        raise BadInput("the body is not JSON: it is not text in UTF-8") from None
    except RecursionError:
        raise BadInput("the body cannot be read: its JSON is nested too deeply") from None
    _expect_text(found)


def _expect_text(found: object) -> None:
    """Raises `BadInput` that names the field. Without recursion: nesting is whoever sends it's to choose."""
    left: list[tuple[str, object]] = [("", found)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                _expect_whole(place, name)
                left.append((f"{place}.{name}" if place else name, inner))
        elif isinstance(value, list):
            left.extend(
                (f"{place}.{number}" if place else str(number), each) for number, each in enumerate(value)
            )
        elif isinstance(value, str):
            _expect_whole(place, value)


def _expect_whole(place: str, text: str) -> None:
    if _HALF.search(text):
        field = place or "body"
        raise BadInput(f"{field} holds half a character (a lone surrogate): send whole text", field=field)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _bounded(digits: str) -> int:
    """Python takes quadratic time over long integers."""
    if len(digits) > LONGEST_NUMBER:
        raise BadInput(f"the body cannot be read: it holds a number of {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> object:
    raise BadInput(f"the body is not JSON: {name} is no number there")
