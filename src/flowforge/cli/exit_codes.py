"""What the command's exit code says. docs/reference/exit-codes.md is for people."""

from enum import IntEnum

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated


class ExitCode(IntEnum):
    FINE = 0
    ERROR = 1
    CANCELLED = 2
    NOT_FOUND = 3
    SIGN_IN = 4
    RUN_FAILED = 8
    USAGE = 64


class CommandFailed(Exception):
    """The command ends here: one line for standard error, and the exit code. No line where all was said already."""

    def __init__(self, message: str = "", code: ExitCode = ExitCode.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def code_of(error: FlowForgeError) -> ExitCode:
    match error:
        case NotFound():
            return ExitCode.NOT_FOUND
        case Unauthenticated():
            return ExitCode.SIGN_IN
        case _:
            return ExitCode.ERROR
