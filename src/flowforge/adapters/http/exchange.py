"""One request as the wire wants it, and one answer read within its bounds."""

import re
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urljoin, urlsplit

import httpcore2

from flowforge.adapters.http.limits import HttpLimits
from flowforge.errors import BadInput, Upstream
from flowforge.model.http import HttpAnswer, HttpRequest
from flowforge.model.origin import Origin

_TARGET = re.compile(r"[!-~]*")
_TOKEN = re.compile(r"[!-~]+")
_REPEATED = (301, 302, 303, 307, 308)
_BODY_KEPT = (307, 308)

try:
    USER_AGENT = f"flowforge/{version('flowforge')}"
except PackageNotFoundError:
    USER_AGENT = "flowforge"


def checked_origin(request: HttpRequest, trusted: frozenset[str]) -> Origin:
    """Raises `BadInput` for what is no plain URL, and for plain HTTP to a host that nobody named."""
    origin = Origin.of(request.url)
    if origin is None or origin.scheme not in ("https", "http") or _TARGET.fullmatch(request.url) is None:
        raise BadInput("the URL is not https://host/path", field="url")
    if "@" in urlsplit(request.url).netloc:
        raise BadInput("the URL must not hold a user or a password", field="url")
    if origin.scheme == "http" and not origin.trusted(trusted):
        raise BadInput("plain http is only for hosts named in FLOWFORGE_TRUSTED_FORGES", field="url")
    if request.token and _TOKEN.fullmatch(request.token) is None:
        raise BadInput("the token holds characters that no header may hold", field="token")
    return origin


def core_url(url: str, origin: Origin) -> httpcore2.URL:
    """From the origin that was checked, so that nobody reads the URL a second time and otherwise."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return httpcore2.URL(scheme=origin.scheme, host=host, port=origin.port, target=target)


def core_headers(request: HttpRequest) -> list[tuple[str, str]]:
    """No compression is asked for: an answer's size is what came over the wire."""
    named = {name.lower() for name in request.headers}
    ours = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    headers = [(name, value) for name, value in ours.items() if name.lower() not in named]
    headers += request.headers.items()
    if request.token:
        headers.append(("Authorization", f"{request.scheme} {request.token}"))
    return headers


def timeouts(limits: HttpLimits) -> dict[str, dict[str, float]]:
    silence = limits.silence_seconds
    return {
        "timeout": {"connect": limits.connect_seconds, "read": silence, "write": silence, "pool": silence}
    }


async def read_answer(response: httpcore2.Response, limits: HttpLimits) -> HttpAnswer:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    too_large = Upstream(f"the answer is larger than {limits.answer_bytes} bytes", final=True)
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced[:18]) > limits.answer_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limits.answer_bytes:
            raise too_large
    return HttpAnswer(status=response.status, headers=headers, body=bytes(body))


def next_url(request: HttpRequest, origin: Origin, answer: HttpAnswer) -> str:
    """Where to go on; empty when the answer is the answer. Another origin is never followed: it would get the
    request's words, and its credential if we forgot one of them."""
    location = answer.headers.get("location", "")
    safe_method = request.method in ("GET", "HEAD")
    if answer.status not in (_REPEATED if safe_method else _BODY_KEPT) or not location:
        return ""
    try:
        target = urljoin(request.url, location)
    except ValueError:
        return ""
    return target if Origin.of(target) == origin else ""
