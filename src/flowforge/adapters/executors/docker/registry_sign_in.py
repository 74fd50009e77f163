"""Signing in to the registry of an image, as engines want it told: a header of the call that pulls."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowforge.model.order import JobOrder
from flowforge.model.secret_ref import SecretRef
from flowforge.model.sign_in import SignIn

USUAL_REGISTRY = "https://index.docker.io/v1/"
"""Of references that name none: so the engines' API calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`header` is empty for nobody in particular; `missing` names a secret that was wanted for it and not given."""

    header: str = field(default="", repr=False)
    missing: str = ""


ANONYMOUS = Credential()


def sign_ins(order: JobOrder, image: str) -> Mapping[str, SignIn | None]:
    """All images of the job. One that it uses twice is pulled once, with the first sign-in that is told."""
    wanted: dict[str, SignIn | None] = {image: order.sign_in}
    for service in order.services:
        wanted[service.image] = wanted.get(service.image) or service.sign_in
    return wanted


def credential(reference: str, sign_in: SignIn | None, secrets: Mapping[str, str]) -> Credential:
    """Without the secret anybody's own luck is tried: many images only count who pulls them."""
    if sign_in is None:
        return ANONYMOUS
    missing = next((each.name for each in sign_in.secrets if each.name not in secrets), "")
    if missing:
        return Credential(missing=missing)
    name = sign_in.username
    told = {
        "username": secrets[name.name] if isinstance(name, SecretRef) else name,
        "password": secrets[sign_in.password.name],
        "serveraddress": registry_of(reference),
    }
    return Credential(header=base64.urlsafe_b64encode(json.dumps(told).encode()).decode())


def registry_of(reference: str) -> str:
    """The host is what stands before the first slash and looks like one."""
    host, slash, _ = reference.partition("/")
    return host if slash and (host == "localhost" or "." in host or ":" in host) else USUAL_REGISTRY
