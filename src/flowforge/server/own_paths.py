"""Paths to send a browser to: ours, or none."""

import re

_OWN = re.compile(r"/(?:docs|ui(?:/[A-Za-z0-9._~/%-]*)?)(?:\?[A-Za-z0-9._~/=&%+-]*)?")
_LONGEST = 500


def own_page(path: str) -> str | None:
    """The path, if it can only lead to a page of this server; else None. What begins with two slashes, has a
    scheme, a backslash, a control character or a `..` can lead elsewhere."""
    sound = len(path) <= _LONGEST and _OWN.fullmatch(path) and "//" not in path and ".." not in path
    return path if sound else None
