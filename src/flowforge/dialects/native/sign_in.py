"""`auth:` of an image: who pulls it. What a registry asks for is kept as a secret, and a file only names it."""

import re

from flowforge.dialects.findings import Findings
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, mapping, own_text
from flowforge.dialects.native.names import is_variable
from flowforge.dialects.node import Map, Node
from flowforge.model.secret_ref import SecretRef
from flowforge.model.sign_in import SignIn

_SECRET = re.compile(r"\$(?:\{(\w{1,255})\}|(\w{1,255}))", re.ASCII)
_HINT = "write `auth: {username: NAME, password: $SECRET}`, and keep the password as a secret"


def sign_in(body: Map, findings: Findings) -> SignIn | None:
    """Of a container or service."""
    node = body.get("auth")
    found = mapping(node, "`auth`", findings, _HINT) if node else None
    if found is None:
        return None
    check_keys(found, vocabulary.AUTH, findings)
    name, password = found.get("username"), found.get("password")
    if name is None or password is None:
        missing = "username" if name is None else "password"
        findings.error("missing-key", found.mark, f"`auth` has no `{missing}`", _HINT)
        return None
    username = own_text(name, "`username`", findings)
    return SignIn(username=_secret(username) or username, password=_password(password, findings))


def _password(node: Node, findings: Findings) -> SecretRef:
    written = own_text(node, "`password`", findings)
    found = _secret(written)
    if found is None and written:
        findings.error("bad-value", node.mark, "a password cannot stand in a file", _HINT)
    return found or SecretRef(name="")


def _secret(text: str) -> SecretRef | None:
    match = _SECRET.fullmatch(text)
    name = (match[1] or match[2]) if match else ""
    return SecretRef(name=name) if is_variable(name) else None
