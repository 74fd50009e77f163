"""Capabilities as text: what they are for in canonical JSON, and a MAC over exactly that."""

import base64
import hashlib
import hmac
import json

from flowforge.model.attempt import AttemptKey
from flowforge.model.capability import Capability

LONGEST = 2048


def sealed(key: bytes, capability: Capability) -> str:
    """Two parts of URL-safe text. Fields are framed as a JSON list, so that no byte can pass from one to the next."""
    facts = (
        "flowforge-capability-1",
        capability.organisation_id,
        str(capability.attempt),
        capability.method,
        capability.object,
        capability.expires,
    )
    body = json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return f"{_text(body)}.{_text(hmac.digest(key, body, hashlib.sha256))}"


def opened(key: bytes, text: str, method: str, now: float) -> Capability | None:
    """None for what this key did not seal, for another method, and once it has expired. There is one text for each
    capability: whatever differs in a single character is refused."""
    body, dot, _ = text.partition(".")
    if not dot or len(text) > LONGEST or not text.isascii():
        return None
    capability = _read(body)
    if capability is None or not hmac.compare_digest(sealed(key, capability), text):
        return None
    return capability if capability.method == method and now < capability.expires else None


def _read(body: str) -> Capability | None:
    """Believed by nobody until its MAC was made anew and compared."""
    try:
        _, organisation, attempt, method, thing, expires = json.loads(base64.urlsafe_b64decode(body + "=="))
        return Capability(
            organisation_id=int(organisation),
            attempt=AttemptKey.parse(str(attempt)),
            method=str(method),
            object=str(thing),
            expires=int(expires),
        )
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
