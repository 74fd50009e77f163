"""Which of several secrets of one name a job gets: the narrowest that counts for it.

From wide to narrow, each of these before all that stand behind it:

1. a secret without a group, then the job's groups in the order in which it declares them;
2. the organisation, then the project;
3. any environment, then the job's environment;
4. any branch, then a glob that matches the branch (one with more plain characters is narrower), then its very name.
"""

from collections.abc import Iterable, Mapping

from flowforge.engine.branch_glob import is_glob, matches, plain_characters
from flowforge.model.secret import Secret, SecretScope

_EXACT = 1_000


def narrowest(secrets: Iterable[Secret], scope: SecretScope) -> Mapping[str, Secret]:
    """By name, of the secrets that count for who asks; none for code that is not trusted."""
    counting = [secret for secret in secrets if counts(secret, scope)]
    ranked = sorted(counting, key=lambda secret: (_width(secret, scope), secret.id))
    return {secret.name: secret for secret in ranked}


def counts(secret: Secret, scope: SecretScope) -> bool:
    return (
        scope.trusted
        and secret.organisation_id == scope.organisation_id
        and secret.project_id in (None, scope.project_id)
        and secret.environment in ("", scope.environment)
        and (not secret.group or secret.group in scope.groups)
        and (not secret.branch or (bool(scope.branch) and matches(secret.branch, scope.branch)))
    )


def _width(secret: Secret, scope: SecretScope) -> tuple[int, bool, bool, int]:
    """Small is wide."""
    groups = dict(zip(scope.groups, range(1, len(scope.groups) + 1), strict=True))
    group = groups[secret.group] if secret.group else 0
    return group, secret.project_id is not None, bool(secret.environment), _branch(secret.branch)


def _branch(glob: str) -> int:
    if not glob:
        return -1
    return plain_characters(glob) if is_glob(glob) else _EXACT
