"""Makes sure that an image is here, and reads from it what its container's keeper must know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.registry_sign_in import ANONYMOUS, Credential
from flowforge.errors import BadInput, EngineUnavailable
from flowforge.model.service_spec import HealthCheck

PULL_DEADLINE = 1800.0
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How engines say that asking again will not help.
ABSENT = (
    "not found", "does not exist", "manifest unknown", "invalid reference", "unauthorized", "denied",
    "no basic auth credentials", "authentication required",
)  # fmt: skip
LONGEST_CHECK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """`digests` are all that name this very content: its id, and what registries call it. `ports` are the TCP ports that it
    says it listens on."""

    user: str
    env: Mapping[str, str]
    architecture: str
    id: str = ""
    digests: frozenset[str] = frozenset()
    ports: tuple[int, ...] = ()
    health: HealthCheck | None = None


async def ensure(engine: Engine, reference: str, credential: Credential = ANONYMOUS) -> ImageFacts:
    """Pulled only when it is absent. Raises `BadInput` for an image that does not exist."""
    found = await engine.image(reference)
    if found is None:
        await _pull(engine, reference, credential)
        found = await engine.image(reference)
    if found is None:
        raise EngineUnavailable(f"the image {reference} was pulled and is not there")
    return _facts(found)


def _facts(found: Mapping[str, Any]) -> ImageFacts:
    config = found["Config"] or {}
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    env = {"PATH": DEFAULT_PATH, **{name: value for name, _, value in pairs}}
    content = f"sha256:{str(found['Id']).removeprefix('sha256:')}"
    named = (str(entry).rpartition("@")[2] for entry in found.get("RepoDigests") or ())
    return ImageFacts(
        user=config.get("User") or "0",
        env=env,
        architecture=found["Architecture"],
        id=content,
        digests=frozenset({content, *named}),
        ports=tuple(sorted(_ports(config.get("ExposedPorts") or {}))),
        health=_health(config.get("Healthcheck") or {}),
    )


def _ports(exposed: Mapping[str, Any]) -> set[int]:
    split = (entry.partition("/") for entry in exposed)
    return {int(port) for port, _, kind in split if port.isdigit() and kind in ("", "tcp")}


def _health(check: Mapping[str, Any]) -> HealthCheck | None:
    """Its interval is for a service that runs for months; whoever waits for one asks more often."""
    match check.get("Test") or ():
        case ["CMD", *words] if words:
            command = tuple(str(word) for word in words)
        case ["CMD-SHELL", str(text)]:
            command = ("/bin/sh", "-c", text)
        case _:
            return None
    timeout = (check.get("Timeout") or 0) / 1e9
    return HealthCheck(command=command, timeout=min(timeout or 10.0, LONGEST_CHECK))


async def _pull(engine: Engine, reference: str, credential: Credential) -> None:
    status, sentence = await engine.pull(reference, credential.header, PULL_DEADLINE)
    if status == 200 and not sentence:
        return
    message = f"the image {reference} is not here and cannot be pulled: {sentence or status}"
    if credential.missing:
        message += f"; it was asked for without a sign-in, for no value was given for {credential.missing}"
    if status in (400, 404) or any(word in sentence.lower() for word in ABSENT):
        raise BadInput(message, field="image")
    raise EngineUnavailable(message)
