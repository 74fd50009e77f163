"""What an admin allows some images beyond the usual container profile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Asked for by `name` in a job. It reaches only containers of an image whose id or digest is in `images`
    (`sha256:…`): names and tags can be made to look alike. `entrypoint` is all that may be started in them; empty for the
    image's own, and in the job's own container for any step. `projects` are clone URLs without scheme and `.git`, such as
    `github.com/acme/app`; empty for every project.
    """

    name: str
    images: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    privileged: bool = False
    capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    engine_socket: bool = False
    new_privileges: bool = False
