"""Proofs of origin, over the raw bytes and in constant time. No secret, no trust; SHA-1 proves nothing."""

import base64
import binascii
import hmac
import re
from datetime import datetime
from hashlib import sha256

from flowforge.forges.forge import Headers

_PREFIXED = re.compile(r"sha256=([0-9a-f]{64})")
_HEX = re.compile(r"[0-9a-f]{64}")
_MARKED = re.compile(r"v[0-9]+[a-z]?,[A-Za-z0-9+/]+=*")
_SECONDS = re.compile(r"[0-9]{1,12}")
_KEY_MARK = b"whsec_"

WINDOW = 300.0
"""Seconds by which a signed time may be off, either way."""


def prefixed(secret: bytes, given: str, body: bytes) -> bool:
    """`sha256=` and hexadecimal digits."""
    match = _PREFIXED.fullmatch(given)
    return match is not None and _is_hex(secret, match[1], body)


def plain_hex(secret: bytes, given: str, body: bytes) -> bool:
    return _HEX.fullmatch(given) is not None and _is_hex(secret, given, body)


def shared_text(secret: bytes, given: str) -> bool:
    """The secret itself, sent along. Digests are compared, so that its length is no hint either."""
    mine, theirs = sha256(secret).digest(), sha256(given.encode("latin-1", "replace")).digest()
    return bool(secret) and hmac.compare_digest(mine, theirs)


def timed(secret: bytes, headers: Headers, body: bytes, now: datetime) -> bool:
    """Standard Webhooks: id, time and body together. Several signatures, with a space between, stand for a key that is
    being changed; a header that came twice has a comma there, and is none."""
    sent_at = headers.get("webhook-timestamp", "")
    if not secret or _SECONDS.fullmatch(sent_at) is None:
        return False
    if abs(now.timestamp() - int(sent_at)) > WINDOW:
        return False
    said = f"{headers.get('webhook-id', '')}.{sent_at}.".encode("latin-1", "replace") + body
    right = "v1," + base64.b64encode(hmac.digest(_key(secret), said, sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    if not all(_MARKED.fullmatch(each) for each in given):
        return False
    return any(hmac.compare_digest(right, each) for each in given)


def _key(secret: bytes) -> bytes:
    """A signing token is a marked key in base64; any other secret is the key as it stands."""
    if secret.startswith(_KEY_MARK):
        try:
            return base64.b64decode(secret[len(_KEY_MARK) :], validate=True) or secret
        except binascii.Error:
            return secret
    return secret


def _is_hex(secret: bytes, given: str, body: bytes) -> bool:
    return bool(secret) and hmac.compare_digest(hmac.digest(secret, body, sha256).hex(), given)
