"""Headers of every answer."""

from starlette.types import Message

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")


def guard_headers(message: Message, scheme: str) -> None:
    """Add to an answer's start what the answer did not say for itself."""
    headers = list(message.get("headers", ()))
    said = {name for name, _ in headers}
    headers.extend(pair for pair in ALWAYS if pair[0] not in said)
    if scheme == "https":
        headers.append(_HSTS)
    message["headers"] = headers
