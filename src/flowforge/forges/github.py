"""GitHub: its webhooks (docs: Webhook events and payloads, Validating webhook deliveries)."""

import hmac
import re
from collections.abc import Callable
from hashlib import sha256

from flowforge.forges.forge import Forge, Headers
from flowforge.forges.github_status import status_answer, status_request
from flowforge.forges.payload import Missing, Payload, parse
from flowforge.model.origin import Origin
from flowforge.model.push import ForgeRepository, Happening, Ignored, Unreadable
from flowforge.model.trigger import Trigger, TriggerEvent

NAME = "github"

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME_PART = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.-]{1,100}"
_FULL_NAME = re.compile(rf"{_NAME_PART}/{_NAME_PART}")
_URL_TEXT = re.compile(r"https?://[!-~]{1,500}")
_REF = re.compile(
    r"refs/(?:heads|tags)/(?![./])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|\Z)))"
    r"[^\x00-\x20\x7f~^:?*\[\\]{1,500}(?<![./])"
)
_SKIP = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)
_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,100}")


def recognise(headers: Headers) -> bool:
    return "x-github-event" in headers and "x-gitea-event" not in headers


def signature_ok(secret: bytes, headers: Headers, body: bytes) -> bool:
    """SHA-256 over the raw bytes and nothing else; the older SHA-1 header proves nothing. No secret, no trust."""
    match = _SIGNATURE.fullmatch(headers.get("x-hub-signature-256", ""))
    if match is None or not secret:
        return False
    return hmac.compare_digest(hmac.digest(secret, body, sha256).hex(), match[1])


def read(headers: Headers, body: bytes) -> Happening | Ignored | Unreadable:
    event = headers.get("x-github-event", "")
    if event == "ping":
        return Ignored(reason="a ping")
    if event != "push":
        return Ignored(reason="unsupported event")
    try:
        return _push(parse(body), headers)
    except Missing as missing:
        return Unreadable(reason=missing.reason.strip(), field=missing.field)


def _push(payload: Payload, headers: Headers) -> Happening | Ignored:
    repository = _repository(payload.within("repository"))
    ref = payload.checked("ref", _sound_ref)
    after = payload.checked("after", _sound_commit)
    before = payload.checked("before", _sound_commit) if payload.has("before") else ""
    if payload.flag("deleted") or not after.strip("0"):
        return Ignored(reason="the ref was deleted")
    head = payload.perhaps_within("head_commit")
    if _SKIP.search(head.raw("message")):
        return Ignored(reason="the commit's message asks to skip")
    tag = ref.startswith("refs/tags/")
    return Happening(
        repository=repository,
        trigger=_trigger(payload, head, repository, ref, after),
        event="tag" if tag else "push",
        key=f"{NAME}\n{repository.origin}\n{repository.native_id}\n{ref}\n{before}\n{after}",
        delivery_id=_delivery_id(headers),
    )


def _trigger(payload: Payload, head: Payload, repository: ForgeRepository, ref: str, after: str) -> Trigger:
    tag = ref.startswith("refs/tags/")
    author = head.perhaps_within("author")
    return Trigger(
        event=TriggerEvent.TAG if tag else TriggerEvent.PUSH,
        repository=repository.name,
        commit=after,
        ref=ref,
        branch="" if tag else ref.removeprefix("refs/heads/"),
        title=head.perhaps("message"),
        author=author.perhaps("username")
        or author.perhaps("name")
        or payload.perhaps_within("pusher").perhaps("name"),
    )


def _repository(fields: Payload) -> ForgeRepository:
    """The numeric id is who it is; names, addresses and branches are what it is called today."""
    native_id = str(fields.number("id"))
    name = fields.checked("full_name", _whole(_FULL_NAME))
    origin = fields.checked("html_url", _origin)
    clone_url = fields.checked("clone_url", _whole(_URL_TEXT))
    if _origin(clone_url) != origin:
        raise Missing("repository.clone_url", "is not at the repository's own origin")
    return ForgeRepository(
        forge=NAME,
        origin=str(origin),
        native_id=native_id,
        name=name,
        clone_url=clone_url,
        default_branch=fields.perhaps("default_branch"),
    )


def _origin(url: str) -> Origin | None:
    """None for a URL that names a user too."""
    if _URL_TEXT.fullmatch(url) is None or "@" in url.split("/")[2]:
        return None
    return Origin.of(url)


def _whole(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) else None


def _sound_ref(text: str) -> str | None:
    return text if _REF.fullmatch(text) and _encodes(text) else None


def _sound_commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _encodes(text: str) -> bool:
    """JSON may smuggle half a surrogate pair, which no file, row or process takes."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _delivery_id(headers: Headers) -> str:
    match = _DELIVERY.fullmatch(headers.get("x-github-delivery", ""))
    return match[0] if match else ""


GITHUB = Forge(
    name=NAME,
    api_base="https://api.github.com",
    token_name="GITHUB_TOKEN",  # noqa: S106 - the name of a secret
    recognise=recognise,
    signature_ok=signature_ok,
    read=read,
    status_request=status_request,
    status_answer=status_answer,
)
