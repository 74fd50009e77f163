"""Envelope encryption: a value under a data key of its own, that key under a master key. AES-256-GCM both times.

What a seal belongs to goes into it as associated data, each part with its length in front, so that neither rows nor
parts of them can be exchanged behind our back. `cryptography`, 9 MB and 30 ms of import, is loaded with the first value.
"""

import secrets

from flowforge.adapters.vault.key_ring import KEY_BYTES, Key
from flowforge.errors import SealBroken
from flowforge.model.secret import Seal, Secret

_NONCE = 12
_PURPOSE = "flowforge secret 1"


def seal(secret: Secret, value: str, key: Key) -> Seal:
    data_key = secrets.token_bytes(KEY_BYTES)
    bound = _bound(secret)
    raw = value.encode("utf-8", "surrogatepass")
    return _wrapped(secret, data_key, key, _encrypted(data_key, raw, bound))


def unseal(secret: Secret, sealed: Seal, key: Key) -> str:
    data_key = _decrypted(key.raw, sealed.wrapped, _bound(secret, key), secret)
    return _decrypted(data_key, sealed.box, _bound(secret), secret).decode("utf-8", "surrogatepass")


def rewrap(secret: Secret, sealed: Seal, old: Key, new: Key) -> Seal:
    """The value itself is not touched, but for a look whether it can be opened."""
    data_key = _decrypted(old.raw, sealed.wrapped, _bound(secret, old), secret)
    _decrypted(data_key, sealed.box, _bound(secret), secret)
    return _wrapped(secret, data_key, new, sealed.box)


def _wrapped(secret: Secret, data_key: bytes, key: Key, box: bytes) -> Seal:
    wrapped = _encrypted(key.raw, data_key, _bound(secret, key))
    return Seal(key=key.fingerprint, wrapped=wrapped, box=box)


def _bound(secret: Secret, key: Key | None = None) -> bytes:
    parts = (
        _PURPOSE,
        key.fingerprint if key else "",
        str(secret.organisation_id),
        "" if secret.project_id is None else str(secret.project_id),
        str(secret.kind),
        secret.environment,
        secret.branch,
        secret.group,
        secret.name,
        str(secret.version),
        str(secret.masked),
    )
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))


def _encrypted(key: bytes, data: bytes, bound: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def _decrypted(key: bytes, data: bytes, bound: bytes, secret: Secret) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise SealBroken(
            f"the stored secret {secret.name} (id {secret.id}) cannot be opened: it was changed or moved; set it anew",
            final=True,
        ) from None
