"""A right to one thing, carried in a URL instead of a credential."""

from dataclasses import dataclass

from flowforge.model.attempt import AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Good for one HTTP method on one object, on behalf of one attempt, until `expires` (seconds since 1970)."""

    organisation_id: int
    attempt: AttemptKey
    method: str
    object: str
    expires: int
