"""Who is asking: a token in the Authorization header, or a browser's session cookie."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from flowforge.errors import Forbidden, Unauthenticated
from flowforge.model.credential import CredentialKind, Principal
from flowforge.server.door import Door
from flowforge.server.peer import Peer, peer_of

PRINCIPAL = "flowforge.principal"
"""Key of the scope."""
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A browser takes a `__Host-` cookie only over https and from this very host; plain http cannot have one. To a
    browser a host's ports are one, so the name has something of the public URL for servers that share a host."""

    name: str
    secure: bool

    @classmethod
    def of(cls, peer: Peer, public_url: str) -> "Cookie":
        server = hashlib.sha256(_origin(public_url).encode()).hexdigest()[:8]
        if peer.scheme == "https":
            return cls(name=f"__Host-flowforge-{server}", secure=True)
        return cls(name=f"flowforge-session-{server}", secure=False)

    def put(self, response: Response, secret: str, seconds: int) -> None:
        response.set_cookie(
            self.name,
            secret,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def read(self, headers: Headers) -> str:
        """Empty where there is none. Two of one name are none: somebody planted one of them."""
        pairs = [
            part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";")
        ]
        values = [value for name, _, value in pairs if name == self.name]
        return values[0] if len(values) == 1 else ""


def principal_of(scope: Scope | Mapping[str, object]) -> Principal:
    """Of a request that passed the guard of a route that needs one."""
    return cast("Principal", scope[PRINCIPAL])


async def identify(scope: Scope, door: Door) -> Principal:
    """Raises `Unauthenticated`, and `Forbidden` where a page of somebody else's may have sent the browser."""
    headers = Headers(scope=scope)
    peer = peer_of(scope, door.settings.trusted_proxies)
    if headers.getlist("authorization"):
        return await _by_token(door, scope, peer)
    secret = Cookie.of(peer, door.settings.public_url).read(headers)
    if not secret:
        raise Unauthenticated("this needs a token (Authorization: Bearer …) or a signed-in browser")
    principal = await door.services.access.identify(secret)
    if principal.kind is not CredentialKind.SESSION:
        raise Unauthenticated("only a session belongs into this cookie")
    if scope["method"] not in HARMLESS and not _from_own_page(headers, peer, door.settings.public_url):
        raise Forbidden("the browser was sent here by a page of another site")
    return principal


def bearer(scope: Scope) -> str:
    """The one token in the Authorization header. Raises `Unauthenticated` where there is not exactly one."""
    given = Headers(scope=scope).getlist("authorization") or [""]
    scheme, _, secret = given[0].strip().partition(" ")
    if len(given) != 1 or scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("the Authorization header must be: Bearer <token>")
    return secret.strip()


async def _by_token(door: Door, scope: Scope, peer: Peer) -> Principal:
    principal = await door.services.access.identify(bearer(scope))
    if principal.kind is CredentialKind.SESSION:
        raise Unauthenticated("a session belongs into its cookie")
    if principal.kind is CredentialKind.LOCAL and not peer.local:
        raise Unauthenticated("the local token is good on this machine only, and not through a proxy")
    return principal


def _from_own_page(headers: Headers, peer: Peer, public_url: str) -> bool:
    """Browsers tell the truth about where a request comes from, and pages cannot change it."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    return headers.get("origin", "").lower() in {peer.origin, _origin(public_url)}


def _origin(url: str) -> str:
    return "/".join(url.lower().split("/", 3)[:3])
