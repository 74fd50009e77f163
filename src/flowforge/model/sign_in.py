"""How an image's registry is signed in to."""

from dataclasses import dataclass

from flowforge.model.secret_ref import SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """`username` is a name, or a secret that holds it."""

    username: str | SecretRef
    password: SecretRef

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return (self.username, self.password) if isinstance(self.username, SecretRef) else (self.password,)
