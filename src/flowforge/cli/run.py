"""`flowforge run`."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.lint import file_lines
from flowforge.cli.options import json_option
from flowforge.cli.run_session import Session
from flowforge.cli.terminal import Terminal
from flowforge.engine.mask import Masker
from flowforge.engine.mask_patterns import SHORTEST
from flowforge.model.inputs import Given
from flowforge.model.pipeline_config import OnFailure, PipelineConfig
from flowforge.model.status import Status
from flowforge.services.local_config import ConfigFile, check, config_at
from flowforge.services.local_plan import (
    EVENTS,
    given_locally,
    plan_locally,
    project_folder,
    undeclared,
    with_needs,
)
from flowforge.settings import ExecutorChoice

_EXIT_CODES = {
    Status.SUCCESS: ExitCode.FINE,
    Status.SKIPPED: ExitCode.FINE,
    Status.CANCELLED: ExitCode.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says about which jobs run, and how."""

    file: Path | None
    job: str | None
    event: str
    secrets: Mapping[str, str]
    keep_going: bool


@click.command(short_help="Run a folder's pipeline here, without any server.")
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="[DIR]"
)
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The config, where it is not the folder's.",
)
@click.option("--job", metavar="JOB", help="Only this job and what it needs.")
@click.option(
    "--event",
    type=click.Choice(list(EVENTS)),
    default="push",
    show_default=True,
    help="As if this had happened.",
)
@click.option("--input", "inputs", multiple=True, metavar="K=V", help="A typed input of the pipeline.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME", help="Take this secret from the environment."
)
@click.option(
    "--executor",
    type=click.Choice([choice.value for choice in ExecutorChoice]),
    default="auto",
    envvar="FLOWFORGE_EXECUTOR",
    help="Where jobs run: in containers if they can, else as plain processes (auto), or always there.",
)
@click.option(
    "--jobs", "slots", type=click.IntRange(1, 256), metavar="N", help="How many jobs run side by side."
)
@click.option("--keep-going", is_flag=True, help="A failed job stops only what needs it.")
@json_option
def run(
    *,
    folder: Path | None,
    file: Path | None,
    job: str | None,
    event: str,
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    executor: str,
    slots: int | None,
    keep_going: bool,
    as_json: bool,
) -> None:
    """Run the pipeline of a folder as it lies there, uncommitted changes included. No server is needed.

    DIR is the current folder, or the nearest one above it that has a config. Jobs work on a copy. Ctrl-C cancels the run.
    """
    given = _inputs(inputs)
    wishes = Wishes(file=file, job=job, event=event, secrets=_secrets(secrets), keep_going=keep_going)
    place = (folder or project_folder(Path.cwd())).absolute()
    found = config_at(wishes.file or place)
    from flowforge.wiring_local import standing

    occasion = given_locally(place, EVENTS[event], standing(place), given)
    planned = plan_locally(_configured(found, wishes, occasion), place, occasion)
    _warn(
        [
            f"{name} is declared as a secret and not given: add --secret {name}"
            for name in undeclared(planned, wishes.secrets)
        ]
    )
    _warn(
        [
            f"secret {name} is too short to be masked ({SHORTEST} characters at least)"
            for name in Masker(wishes.secrets).unmaskable
        ]
    )
    session = Session(
        choice=ExecutorChoice(executor), slots=slots or max(2, os.cpu_count() or 2), as_json=as_json
    )
    status = session.carry_out(planned, wishes.secrets)
    code = _EXIT_CODES.get(status, ExitCode.RUN_FAILED)
    if code:
        raise CommandFailed(code=code)


def _inputs(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = next((name for name, sign, _ in pairs if not name or not sign), None)
    if wrong is not None:
        raise click.UsageError(f"--input {wrong}: write it as NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _secrets(names: tuple[str, ...]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise click.UsageError(f"--secret {missing[0]}: there is no environment variable of that name")
    return {name: os.environ[name] for name in names}


def _warn(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        print(f"flowforge: warning: {one_line(sentence)}", file=sys.stderr)


def _configured(file: ConfigFile, wishes: Wishes, given: Given) -> PipelineConfig:
    """Raises CommandFailed with nothing more to say where the file's problems were shown."""
    checked = check(file, given=given)
    shown = Terminal.of(sys.stderr, os.environ)
    if checked.parsed.problems:
        shown.write("".join(f"{line}\n" for line in file_lines([checked], shown)))
    config = checked.parsed.pipeline
    if config is None:
        raise CommandFailed(code=ExitCode.ERROR)
    if wishes.job is not None:
        config = with_needs(config, wishes.job)
    return _going_on(config) if wishes.keep_going else config


def _going_on(config: PipelineConfig) -> PipelineConfig:
    return replace(config, on_failure=OnFailure.CONTINUE)
