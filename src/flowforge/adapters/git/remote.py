"""The way to one repository's server: its pinned address and its credential, told to git by environment only."""

import base64
import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from flowforge.adapters.git.clone_url import CloneUrl
from flowforge.adapters.git.environment import Setting
from flowforge.adapters.git.reach import Resolve, public_addresses
from flowforge.errors import BadInput
from flowforge.model.origin import DEFAULT_PORTS, Origin

Credentials = Callable[[str, str], Awaitable[str | None]]
"""The token for a repository, by its address as it was given and its origin (`https://host[:port]`); `user:password`
where a forge wants a user's name."""

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    url: CloneUrl
    settings: tuple[Setting, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def scrub(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


async def way_to(url: CloneUrl, credentials: Credentials, resolve: Resolve) -> Remote:
    """Addresses of trusted hosts are not looked at: they are private as a rule, and an administrator named them."""
    if url.origin is None:
        return Remote(url=url)
    pinned = () if url.trusted else tuple(await public_addresses(url.origin, resolve))
    if url.origin.scheme == "ssh":
        return Remote(
            url=url, variables=(("GIT_SSH_COMMAND", _ssh(url.origin, pinned)), ("GIT_SSH_VARIANT", "ssh"))
        )
    token = await credentials(url.given, str(url.origin))
    header, secrets = _authorization(url, token)
    return Remote(url=url, settings=(*_pin(url, pinned), *header), secrets=secrets)


def _pin(url: CloneUrl, addresses: Sequence[str]) -> tuple[Setting, ...]:
    if url.origin is None or tuple(addresses) in ((), (url.origin.host,)):
        return ()
    listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
    return (("http.curloptResolve", f"{url.origin.host}:{url.origin.port}:{listed}"),)


def _authorization(url: CloneUrl, token: str | None) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    """Basic, which git's smart HTTP takes at every forge. Bound to the origin, so that git sends it nowhere else."""
    if not token:
        return (), ()
    if _HEADER_TEXT.fullmatch(token) is None:
        raise BadInput(f"the token for {url.origin} holds characters that no header may hold", field="token")
    pair = token if ":" in token else f"x-access-token:{token}"
    encoded = base64.b64encode(pair.encode()).decode()
    setting = (f"http.{url.origin}/.extraHeader", f"Authorization: Basic {encoded}")
    return (setting,), (encoded, pair, token)


def _ssh(origin: Origin, addresses: Sequence[str]) -> str:
    """The host key is looked up under the host's name although the pinned address is dialled."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "ProxyCommand": "none",
        "PermitLocalCommand": "no",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "20",
    }
    if addresses:
        options |= {"HostName": addresses[0], "HostKeyAlias": _known_as(origin)}
    return shlex.join(["ssh", *(f"-o{name}={value}" for name, value in options.items())])


def _known_as(origin: Origin) -> str:
    return origin.host if origin.port == DEFAULT_PORTS["ssh"] else f"[{origin.host}]:{origin.port}"
