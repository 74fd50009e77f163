"""Every error FlowForge raises on purpose, by whose fault it is.

    FlowForgeError
    ├── BadInput                  you: what was asked cannot be read or makes no sense
    │   ├── PipelineConfigError       a pipeline's file has errors (carries its problems)
    │   ├── ProtocolRefused           the two sides speak no version that both know
    │   ├── SettingsError             the server's configuration has errors (carries each)
    │   └── TooLarge                  more than the stated limit
    ├── NotFound                  you: no such thing, or none that you may see
    ├── Conflict                  you: impossible in the present state
    │   └── LeaseLost                 a newer attempt exists, or the job is over
    ├── Unauthenticated           you: no credential, or not a valid one
    ├── Forbidden                 you: not with this credential
    ├── Upstream                  them: something outside did not do its part
    │   ├── SourceUnavailable         the repository or the commit cannot be had
    │   ├── EngineUnavailable         no container engine, or it refused
    │   ├── ServiceUnavailable        a job's own service is not ready in time
    │   ├── NotServing                somebody answers for a server that is not at work
    │   ├── NotConfigured             this server lacks what it must be given to ask at all
    │   ├── SealBroken                a stored secret was changed, moved or cut behind our back
    │   ├── RoomGone                  the machine lost a job's room, by a restart for example
    │   ├── NoRoom                    the disk is full, or less than the floor is left of it
    │   └── StoreUnavailable          the database does not answer, or too much waits for it
    └── Bug                       us

Fields, not prose: `str()` makes the sentence. Only the doors know HTTP and exit codes.
"""

from flowforge.model.problem import Problem


class FlowForgeError(Exception):
    """Root of the tree. `message` is one sentence for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(FlowForgeError):
    """`field` names what is wrong where there is one."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class PipelineConfigError(BadInput):
    """A pipeline's file cannot be run. `problems` holds every error of it, not the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first}{more}")
        self.problems = problems


class SettingsError(BadInput):
    """`mistakes` has one sentence for each wrong setting."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class ProtocolRefused(BadInput):
    """A runner and a server are too far apart to work together."""


class TooLarge(BadInput):
    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"{what} is larger than {limit} bytes")
        self.limit = limit


class NotFound(FlowForgeError):
    def __init__(self, noun: str, name: object) -> None:
        super().__init__(f"no {noun} {name}")
        self.noun = noun
        self.name = name


class Conflict(FlowForgeError):
    """The request is sound and impossible now."""


class LeaseLost(Conflict):
    """The writer's attempt is not the newest any more, or its job is over."""


class Unauthenticated(FlowForgeError):
    """No credential, or one that is unknown, expired or of the wrong kind."""


class Forbidden(FlowForgeError):
    """A valid credential that does not reach this far."""


class Upstream(FlowForgeError):
    """`retry_after` is in seconds where the other side said so; `final` means that asking again will not help."""

    def __init__(self, message: str, *, retry_after: float | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.final = final


class SourceUnavailable(Upstream):
    """The repository, the ref or the commit cannot be had."""


class EngineUnavailable(Upstream):
    """The container engine does not answer, or refused."""


class ServiceUnavailable(Upstream):
    """A service that runs beside a job was not ready within its deadline, or went away before."""


class NotServing(Upstream):
    """The other side's machine answered, and said that nobody serves there now. Unlike silence, this is no sign that
    others may still hear from it while we do not."""


class NotConfigured(Upstream):
    """This server was not given what it needs to ask, such as a token: true of every request alike."""


class SealBroken(Upstream):
    """A sealed value that cannot be what we stored: changed, cut, or moved from another secret's row."""


class RoomGone(Upstream):
    """A room that was begun in an earlier life is not there any more, or not enough of it to go on."""


class NoRoom(Upstream):
    """What was sent is not kept, because the disk has no room for it now."""


class StoreUnavailable(Upstream):
    """The database does not answer, is full or busy, or the store is closed. Where a connection broke in the
    middle of a commit the write may have become true all the same."""


class Bug(FlowForgeError):
    """A state that the code holds impossible."""
