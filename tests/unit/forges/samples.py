"""Deliveries made from the documented field names."""

import hmac
import json
from hashlib import sha256

COMMIT = "a" * 40
BEFORE = "b" * 40


def push(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "deleted": False,
        "repository": repository(),
        "head_commit": {
            "message": "Sharpen the saw\n\nIt was blunt.",
            "author": {"name": "Some One", "username": "someone"},
        },
        "pusher": {"name": "pusher"},
    }
    return body | changes


def repository(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": 4711,
        "full_name": "tools/saw",
        "html_url": "https://forge.example/tools/saw",
        "clone_url": "https://forge.example/tools/saw.git",
        "default_branch": "main",
    }
    return body | changes


def encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def headers(event: str = "push", **more: str) -> dict[str, str]:
    return {"x-github-event": event, "x-github-delivery": "72d3162e-cc78-11e3", **more}


def signed(secret: bytes, body: bytes) -> dict[str, str]:
    signature = hmac.digest(secret, body, sha256).hex()
    return headers() | {"x-hub-signature-256": f"sha256={signature}"}
