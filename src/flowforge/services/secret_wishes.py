"""What somebody wants kept as a secret, checked before anything is done with it."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowforge.engine.mask_patterns import maskable
from flowforge.errors import BadInput, TooLarge
from flowforge.model.secret import LONGEST_VALUE, WEBHOOK_SECRET, Secret, SecretKind

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,98}[A-Za-z0-9._-])?")
_GROUP = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/ -]{0,98}[A-Za-z0-9._-])?")
_BRANCH = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff~^:\\\[\]]{1,255}")
_OURS = "FLOWFORGE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWish:
    """`value` is in no `repr`, so in no traceback."""

    organisation_id: int
    project_id: int | None
    kind: SecretKind
    name: str
    environment: str = ""
    branch: str = ""
    group: str = ""
    value: str = field(repr=False)

    def draft(self, now: datetime, actor: str) -> Secret:
        """The secret as it would be, were it the first in its place."""
        return Secret(
            id=0,
            organisation_id=self.organisation_id,
            project_id=self.project_id,
            kind=self.kind,
            name=self.name,
            environment=self.environment,
            branch=self.branch,
            group=self.group,
            masked=maskable(self.value),
            created_at=now,
            updated_at=now,
            updated_by=actor,
        )


def wish_again(secret: Secret, value: str) -> SecretWish:
    """Another value in the same place."""
    return SecretWish(
        organisation_id=secret.organisation_id,
        project_id=secret.project_id,
        kind=secret.kind,
        name=secret.name,
        environment=secret.environment,
        branch=secret.branch,
        group=secret.group,
        value=value,
    )


def following(draft: Secret, known: Secret) -> Secret:
    """The draft in the place of one that is there."""
    return replace(draft, id=known.id, version=known.version + 1, created_at=known.created_at)


def check_wish(wish: SecretWish) -> None:
    """Raises `BadInput`, which never repeats a value."""
    if wish.kind is SecretKind.WEBHOOK:
        _check_webhook(wish)
    else:
        _check_name(wish.name)
    _check_place(wish)
    _check_value(wish.value)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput("name must be 1 to 128 letters, digits or _, and not begin with a digit", field="name")
    if name.upper().startswith(_OURS):
        raise BadInput(f"name must not begin with {_OURS}: such variables are FlowForge's own", field="name")


def _check_webhook(wish: SecretWish) -> None:
    if wish.name != WEBHOOK_SECRET:
        raise BadInput(f"the name of a project's webhook secret is {WEBHOOK_SECRET}", field="name")
    if wish.project_id is None:
        raise BadInput("a webhook secret is a project's own: name the project", field="project")


def _check_place(wish: SecretWish) -> None:
    if wish.kind is not SecretKind.JOB and (wish.environment or wish.branch or wish.group):
        raise BadInput(
            f"a secret of the kind {wish.kind} is for the server itself: environment, branch and group are for jobs",
            field="kind",
        )
    if wish.environment and not _ENVIRONMENT.fullmatch(wish.environment):
        raise BadInput("environment must be 1 to 100 letters, digits or any of ._/-", field="environment")
    if wish.group and not _GROUP.fullmatch(wish.group):
        raise BadInput("group must be 1 to 100 letters, digits, blanks or any of ._/-", field="group")
    if wish.group and wish.project_id is not None:
        raise BadInput("a group belongs to the organisation: leave the project out", field="group")
    if wish.branch and not _BRANCH.fullmatch(wish.branch):
        raise BadInput(
            "branch must be a branch's name, or a glob such as release/*, of at most 255 characters",
            field="branch",
        )


def _check_value(value: str) -> None:
    if not value:
        raise BadInput("value must not be empty", field="value")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadInput(
            "value must be text without NUL: encode what is binary, in base64 for example", field="value"
        )
    if len(value.encode()) > LONGEST_VALUE:
        raise TooLarge("value", LONGEST_VALUE)
