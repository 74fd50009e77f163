"""Which servers a runner may talk to, and whom it believes to be them."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from flowforge.errors import BadInput
from flowforge.model.origin import Origin, is_loopback_host


def checked_address(url: str, *, plain: bool) -> str:
    """The server's URL without a slash at its end. A key must not cross a network in the clear, so plain http is for
    this machine alone unless `plain` says that the way is safe."""
    origin, parts = Origin.of(url), urlsplit(url)
    if origin is None or origin.scheme not in ("https", "http") or "@" in parts.netloc:
        raise BadInput(f"the server's URL {url!r} must be https://host[:port], without a name or password")
    if parts.query or parts.fragment:
        raise BadInput(f"the server's URL {url!r} must not have a query or a fragment")
    if origin.scheme == "http" and not plain and not is_loopback_host(origin.host):
        raise BadInput(
            f"{origin} is plain http: use https, or set FLOWFORGE_RUNNER_PLAIN_HTTP=1 where the network between is yours"
        )
    return url.rstrip("/")


def trust(ca: Path | None) -> ssl.SSLContext:
    """The system's authorities (SSL_CERT_FILE counts), or those of one file alone. Certificates are always verified."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"FLOWFORGE_RUNNER_CA: cannot read certificates from {ca}: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
