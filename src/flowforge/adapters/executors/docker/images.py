"""Makes sure that a job's image is here, and reads from it what a step must know."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.adapters.executors.docker.engine import Engine
from flowforge.errors import BadInput, EngineUnavailable

PULL_DEADLINE = 1800.0
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How engines say that asking again will not help.
ABSENT = ("not found", "does not exist", "manifest unknown", "invalid reference", "unauthorized", "denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    user: str
    env: Mapping[str, str]
    architecture: str


async def ensure(engine: Engine, reference: str) -> ImageFacts:
    """Pulled only when it is absent. Raises `BadInput` for an image that does not exist."""
    found = await engine.image(reference)
    if found is None:
        await _pull(engine, reference)
        found = await engine.image(reference)
    if found is None:
        raise EngineUnavailable(f"the image {reference} was pulled and is not there")
    config = found["Config"] or {}
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    env = {"PATH": DEFAULT_PATH, **{name: value for name, _, value in pairs}}
    return ImageFacts(user=config.get("User") or "0", env=env, architecture=found["Architecture"])


async def _pull(engine: Engine, reference: str) -> None:
    status, sentence = await engine.pull(reference, PULL_DEADLINE)
    if status == 200 and not sentence:
        return
    message = f"the image {reference} is not here and cannot be pulled: {sentence or status}"
    if status in (400, 404) or any(word in sentence.lower() for word in ABSENT):
        raise BadInput(message, field="image")
    raise EngineUnavailable(message)
