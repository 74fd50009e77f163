"""Where a run's commit is fetched from."""

from flowforge.forges.registry import forge_named
from flowforge.model.project import Project
from flowforge.model.trigger import Trigger


def source_url(project: Project, trigger: Trigger) -> str:
    """The project's own clone address, wherever the forge keeps the commits of pull requests there. Where it does not,
    the address of the source repository is made from its name at the project's origin: no address out of a payload is
    ever cloned from, so that a credential has nowhere else to go."""
    request, forge = trigger.pull_request, forge_named(project.forge)
    if request is None or forge is None or not forge.clones_source:
        return project.clone_url
    if not request.fork or not request.source_repository:
        return project.clone_url
    return f"{project.origin}/{request.source_repository}.git"
