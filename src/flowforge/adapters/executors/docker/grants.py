"""Which containers of a job get more than the usual profile: by an admin's grant, and by the image's very content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flowforge.adapters.executors.docker.images import ImageFacts
from flowforge.errors import BadInput
from flowforge.model.grant import Grant
from flowforge.model.order import JobOrder
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.step_spec import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A job's grant by image reference, for those that the grant names."""

    by_image: Mapping[str, Grant] = field(default_factory=dict)

    def of(self, image: str | None) -> Grant | None:
        return self.by_image.get(image or "")


def granted(order: JobOrder, grants: tuple[Grant, ...], facts: Mapping[str, ImageFacts]) -> Granted:
    """Raises `BadInput` where the job asks for what it was not given."""
    if not order.grant:
        return Granted()
    grant = next((each for each in grants if each.name == order.grant), None)
    if grant is None:
        raise _refused(
            order, "this runner has no grant of that name; its admin makes one in FLOWFORGE_GRANTS"
        )
    if grant.projects and _project(order) not in grant.projects:
        raise _refused(order, "it is not for this project")
    reached = {image: grant for image, each in facts.items() if each.digests & set(grant.images)}
    if not reached:
        ids = ", ".join(f"{image} is {each.id}" for image, each in sorted(facts.items()))
        raise _refused(order, f"it is for other images, by digest and not by name ({ids})")
    if order.image in reached:
        _check_steps(order, grant)
    for service in order.services:
        if service.image in reached:
            _check_service(order, service, grant)
    return Granted(by_image=reached)


def _refused(order: JobOrder, reason: str) -> BadInput:
    return BadInput(f'the grant "{order.grant}" is refused: {reason}', field="grant")


def _project(order: JobOrder) -> str:
    if order.source is None:
        return ""
    parts = urlsplit(order.source.origin)
    return f"{parts.hostname or ''}{parts.path}".removesuffix("/").removesuffix(".git")


def _check_steps(order: JobOrder, grant: Grant) -> None:
    for step in order.steps:
        if grant.entrypoint and isinstance(step.do, Script) and step.do.shell != grant.entrypoint:
            words = " ".join(grant.entrypoint)
            raise _refused(order, f'step "{step.name}" must run with `shell: {words}` and no other')


def _check_service(order: JobOrder, service: ServiceSpec, grant: Grant) -> None:
    started = (*service.entrypoint, *service.command)
    if started and started != grant.entrypoint:
        words = " ".join(grant.entrypoint) or "what the image itself starts"
        raise _refused(order, f"the service {service.names[0]} may start only {words}")
    if service.user or service.env.keys() & {"LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "BASH_ENV", "ENV"}:
        raise _refused(
            order, f"the service {service.names[0]} may change neither its user nor how programs load"
        )
