"""The frame that every forge's reading stands in: nothing that was sent makes it raise."""

from collections.abc import Callable

from flowforge.forges.forge import Headers
from flowforge.forges.payload import Missing, Payload, parse
from flowforge.model.push import ForgeRepository, Reading, Unreadable

Reader = Callable[[Payload, Headers], Reading]


def read_with(reader: Reader | None, headers: Headers, body: bytes, otherwise: Reading) -> Reading:
    """`otherwise` is the answer where no reader is for the event; its body is not looked at."""
    if reader is None:
        return otherwise
    try:
        return reader(parse(body), headers)
    except Missing as missing:
        return Unreadable(reason=missing.reason.strip(), field=missing.field)


def repository_in(
    body: bytes, field: str, read: Callable[[Payload], ForgeRepository]
) -> ForgeRepository | None:
    try:
        return read(parse(body).within(field))
    except Missing:
        return None
