"""`flowforge`: the group, and the one place where an error becomes a line and an exit code."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

from flowforge.cli.exit_codes import CommandFailed, ExitCode, code_of
from flowforge.cli.foreign_text import harmless
from flowforge.cli.lazy_group import Lazy, LazyGroup
from flowforge.cli.options import server_options
from flowforge.cli.output import forget_output
from flowforge.errors import FlowForgeError

COMMANDS = {
    "up": Lazy("flowforge.cli.up:up", "Start the server on this machine."),
    "run": Lazy("flowforge.cli.run:run", "Run a folder's pipeline here, without any server."),
    "lint": Lazy("flowforge.cli.lint:lint", "Show every problem of pipeline files."),
    "trigger": Lazy("flowforge.cli.trigger:trigger", "Start a run by hand."),
    "list": Lazy("flowforge.cli.list_runs:list_runs", "List the newest runs, or the jobs of one."),
    "logs": Lazy("flowforge.cli.logs:logs", "Show the logs of a run."),
    "cancel": Lazy("flowforge.cli.control:cancel", "Stop a run."),
    "rerun": Lazy("flowforge.cli.control:rerun", "Run a finished run again."),
    "approve": Lazy("flowforge.cli.control:approve", "Let a run, or an approval job of it, go on."),
    "link": Lazy("flowforge.cli.link:link", "Print a new one-time link that signs a browser in."),
    "runner": Lazy("flowforge.cli.runner:runner", "Carry out a server's jobs on this machine."),
    "secrets": Lazy("flowforge.cli.secrets:secrets", "Set, list and remove secrets."),
    "configure": Lazy("flowforge.cli.configure:configure", "Add and list runners."),
    "demo": Lazy("flowforge.cli.demo:demo", "Start a server, push to it, and watch the pipeline run."),
}


def _print_version(ctx: click.Context, _: click.Parameter, value: object) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"flowforge {version('flowforge')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@server_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Run pipelines on machines you own.

    Exit codes: 0 fine, 1 error, 2 cancelled, 3 not found, 4 sign-in needed, 8 the run failed, 64 wrong usage.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """The console script."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line; answers its exit code."""
    _open_closed_streams()
    code = _carried_out(arguments)
    lost = _output_lost()
    return code if lost is None else lost


def _carried_out(arguments: Sequence[str]) -> int:
    try:
        code = cli.main(args=list(arguments), prog_name="flowforge", standalone_mode=False)
    except BrokenPipeError:
        return ExitCode.ERROR
    except click.UsageError as error:
        return _complain(_usage(error), ExitCode.USAGE)
    except click.ClickException as error:
        return _complain(error.format_message(), ExitCode.ERROR)
    except CommandFailed as failed:
        return _complain(failed.message, failed.code)
    except FlowForgeError as error:
        return _complain(error.message, code_of(error))
    except (click.Abort, KeyboardInterrupt):
        return _complain("cancelled", ExitCode.CANCELLED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        lost = _output_lost()
        return lost or _complain(f"{where}{error.strerror or error}", ExitCode.ERROR)
    return code if isinstance(code, int) else ExitCode.FINE


def _open_closed_streams() -> None:
    """`>&-` leaves no stream at all, and the next file that is opened would get its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def _output_lost() -> ExitCode | None:
    """What was printed and not written yet cannot be: said once, as the interpreter must not complain at its end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        forget_output()
        return ExitCode.ERROR
    except OSError as error:
        forget_output()
        return _complain(f"cannot write the output: {error.strerror}", ExitCode.ERROR)
    return None


def _usage(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if error.ctx else "flowforge"
    return message if "--help" in message else f"{message} (see {path} --help)"


def _complain(message: str, code: ExitCode) -> ExitCode:
    if message:
        text = "; ".join(line.strip() for line in harmless(message).splitlines() if line.strip())
        # A standard error that cannot be written leaves nobody to tell; the exit code stays.
        with suppress(OSError):
            print(f"flowforge: {text}", file=sys.stderr, flush=True)
    return code
