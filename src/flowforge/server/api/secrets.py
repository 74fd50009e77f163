"""Secrets: their names and where they count. No answer ever holds a value."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field

from flowforge.errors import Forbidden
from flowforge.model.credential import Permission, Principal
from flowforge.model.secret import Secret, SecretKind
from flowforge.server.api.represent import page_value
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, Cursor, Limit, PageValue, SecretId, Value
from flowforge.server.auth import principal_of
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.services.secret_wishes import SecretWish
from flowforge.services.secrets import Existing

router = APIRouter(tags=["secrets"], route_class=JsonRoute)

ProjectName = Annotated[str | None, Query(max_length=500, description="`owner/name`, also a former one")]


class SecretValue(Value):
    """`masked` is false for a value too short to be hidden in logs. `project` null: the whole organisation's."""

    id: int
    kind: SecretKind
    name: str
    project: str | None
    environment: str | None
    branch: str | None
    group: str | None
    version: int
    masked: bool
    created_at: datetime
    updated_at: datetime
    updated_by: str | None


class NewValue(Body):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    value: str = Field(repr=False)


class NewSecret(NewValue):
    """Without `project`, the whole organisation's; without `environment` or `branch`, for any."""

    name: str
    kind: Annotated[SecretKind, Field(strict=False)] = SecretKind.JOB
    project: str | None = None
    environment: str = ""
    branch: str = ""
    group: str = ""


class RotationValue(Value):
    """`version` of the master key that now seals, and how many secrets were sealed anew."""

    version: int
    resealed: int


@router.get("/api/v1/secrets", summary="Names of secrets and where they count, never values")
@permission(Permission.MAINTAIN)
async def list_secrets(
    request: Request, limit: Limit = 20, cursor: Cursor = None, project: ProjectName = None
) -> PageValue[SecretValue]:
    door, principal = door_of(request.scope), principal_of(request.scope)
    project_id = (await door.services.browse.project(project)).id if project else None
    found = await door.services.secrets.page(principal.organisation_id, limit + 1, cursor, project_id)
    items = await _values(door, found[:limit])
    return page_value(items, items[-1].id if len(found) > limit else None)


@router.post("/api/v1/secrets", status_code=201, summary="A new secret")
@permission(Permission.MAINTAIN)
async def add_secret(request: Request, secret: NewSecret) -> SecretValue:
    return await _put(request, secret, Existing.REFUSED)


@router.put("/api/v1/secrets", summary="A secret, in the place of the one that has the same name and scope")
@permission(Permission.MAINTAIN)
async def put_secret(request: Request, secret: NewSecret) -> SecretValue:
    return await _put(request, secret, Existing.REPLACED)


@router.post("/api/v1/secrets/rotate-key", summary="A new master key; every secret is sealed anew")
@permission(Permission.ADMINISTER)
async def rotate_key(request: Request) -> RotationValue:
    rotation = await door_of(request.scope).services.secrets.rotate_key(principal_of(request.scope).name)
    return RotationValue(version=rotation.version, resealed=rotation.resealed)


@router.patch("/api/v1/secrets/{secret_id}", summary="Another value for a secret")
@permission(Permission.MAINTAIN)
async def change_secret(request: Request, secret_id: SecretId, new: NewValue) -> SecretValue:
    door, principal = door_of(request.scope), principal_of(request.scope)
    secret = await _writable(door, principal, secret_id)
    return await _value(door, await door.services.secrets.change(secret, new.value, principal.name))


@router.delete("/api/v1/secrets/{secret_id}", status_code=204, summary="Remove a secret")
@permission(Permission.MAINTAIN)
async def remove_secret(request: Request, secret_id: SecretId) -> Response:
    door, principal = door_of(request.scope), principal_of(request.scope)
    secret = await _writable(door, principal, secret_id)
    await door.services.secrets.remove(secret, principal.name)
    return Response(status_code=204)


async def _put(request: Request, secret: NewSecret, existing: Existing) -> SecretValue:
    door, principal = door_of(request.scope), principal_of(request.scope)
    project_id = (await door.services.browse.project(secret.project)).id if secret.project else None
    _expect_may_write(principal, project_id)
    wish = SecretWish(
        organisation_id=principal.organisation_id,
        project_id=project_id,
        kind=secret.kind,
        name=secret.name,
        environment=secret.environment,
        branch=secret.branch,
        group=secret.group,
        value=secret.value,
    )
    return await _value(door, await door.services.secrets.put(wish, existing, principal.name))


async def _writable(door: Door, principal: Principal, id: int) -> Secret:
    secret = await door.services.secrets.get(principal.organisation_id, id)
    _expect_may_write(principal, secret.project_id)
    return secret


def _expect_may_write(principal: Principal, project_id: int | None) -> None:
    """What counts for every project is an admin's."""
    if project_id is None and not principal.role.may(Permission.ADMINISTER):
        raise Forbidden(
            f"a {principal.role} may write secrets of projects only: those of the organisation need the permission "
            f"{Permission.ADMINISTER}"
        )


async def _value(door: Door, secret: Secret) -> SecretValue:
    (value,) = await _values(door, [secret])
    return value


async def _values(door: Door, secrets: Sequence[Secret]) -> tuple[SecretValue, ...]:
    projects = await door.services.secrets.project_names(secrets)
    return tuple(_said(secret, projects) for secret in secrets)


def _said(secret: Secret, projects: Mapping[int, str]) -> SecretValue:
    return SecretValue(
        id=secret.id,
        kind=secret.kind,
        name=secret.name,
        project=None if secret.project_id is None else projects[secret.project_id],
        environment=secret.environment or None,
        branch=secret.branch or None,
        group=secret.group or None,
        version=secret.version,
        masked=secret.masked,
        created_at=secret.created_at,
        updated_at=secret.updated_at,
        updated_by=secret.updated_by or None,
    )
