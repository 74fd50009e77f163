"""The words of the grammar: those that work, those that will, and what people bring from elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """`unknown` is how a message about any other word begins. `later` gives for each known word that does not work yet
    what to do until it does; `instead` gives for words of other dialects what to write here."""

    unknown: str
    now: tuple[str, ...]
    later: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)


TOP = Vocabulary(
    unknown="unknown key",
    now=("version", "name", "environment", "fail_fast", "jobs", "workflows"),
    later={
        "parameters": "write the values where they are used",
        "commands": "share steps by a YAML anchor under a key that begins with `x-`",
        "executors": "write `docker:` in each job, or share it by a YAML anchor",
        "orbs": "write the steps that you need as `run`",
        "setup": "write all jobs into this file",
        "triggers": "start the run by a push or by hand",
        "concurrency": "cancel superseded runs by hand",
        "caches": "let the steps fetch what they need",
        "cache": "let the steps fetch what they need",
    },
    instead={
        "env": "write `environment`",
        "variables": "write `environment`",
        "pipeline": "write `jobs`",
        "stages": "write `workflows`, where `requires` sets the order",
        "steps": "put `steps` below a job, below `jobs`",
        "image": "put `image` below a job, below `jobs`",
        "on": "leave it out: every push starts a run",
    },
)

JOB = Vocabulary(
    unknown="unknown key of a job:",
    now=(
        "docker",
        "image",
        "steps",
        "environment",
        "working_directory",
        "shell",
        "timeout",
        "secrets",
        "name",
    ),
    later={
        "parameters": "write the values where they are used",
        "matrix": "write one job for each combination, sharing the steps by a YAML anchor",
        "retries": "repeat the command in the step's own script",
        "resource_class": "leave it out: the runner's machine is used whole",
        "parallelism": "write one job for each part",
        "when": "test the condition in a step and `exit 0`",
        "executor": "write `docker:` with the image",
        "macos": "write `docker:` with the image",
        "machine": "write `docker:` with the image",
        "services": "start the service in a step",
        "cache": "let the steps fetch what they need",
        "allow_failure": "end the command with `|| true`",
        "labels": "leave it out: any runner takes the job",
        "runs_on": "leave it out: any runner takes the job",
        "concurrency": "cancel superseded runs by hand",
        "filters": "test the branch in a step and `exit 0`",
    },
    instead={
        "env": "write `environment`",
        "variables": "write `environment`",
        "script": "write `steps:` with `- run: …`",
        "run": "write `steps:` with `- run: …`",
        "commands": "write `steps:` with `- run: …`",
        "container": "write `docker:` with `- image: …`",
        "requires": "write it below `workflows`, at this job's entry",
        "needs": "write `requires` below `workflows`, at this job's entry",
        "depends_on": "write `requires` below `workflows`, at this job's entry",
        "runs-on": "leave it out: any runner takes the job",
        "timeout-minutes": "write `timeout`, such as `timeout: 10m`",
    },
)

CONTAINER = Vocabulary(
    unknown="unknown key of a container:",
    now=("image", "environment"),
    later={
        "auth": "use an image that needs no sign-in, or pull it on the runner beforehand",
        "name": "leave it out: there is one container a job",
        "entrypoint": "call the program in a step",
        "command": "call the program in a step",
        "user": "use an image whose own user is the right one",
    },
    instead={"env": "write `environment`"},
)

STEP = Vocabulary(
    unknown="unknown step",
    now=("checkout", "run"),
    later={
        "save_cache": "leave it out: the job fetches what it needs",
        "restore_cache": "leave it out: the job fetches what it needs",
        "store_artifacts": "upload the files in a `run` step",
        "store_test_results": "print the results in a `run` step",
        "persist_to_workspace": "put both parts into one job",
        "attach_workspace": "put both parts into one job",
        "deploy": "write `run`",
        "when": "write `when: always` or `when: on_fail` below `run`",
        "unless": "test the condition in the command",
        "setup_remote_docker": "build images outside of the job",
        "add_ssh_keys": "declare the key in `secrets` and write it to a file in a `run` step",
        "background": "end the command with `&`",
    },
    instead={
        "script": "write `run`",
        "command": "write `run`",
        "sh": "write `run`",
        "bash": "write `run`",
        "uses": "write the commands as `run`",
        "clone": "write `checkout`",
        "git": "write `checkout`",
    },
)

CHECKOUT = Vocabulary(unknown="unknown key of `checkout`:", now=("path",), later={"method": "leave it out"})

RUN = Vocabulary(
    unknown="unknown key of `run`:",
    now=(
        "name",
        "command",
        "environment",
        "working_directory",
        "when",
        "shell",
        "timeout",
        "no_output_timeout",
    ),
    later={
        "background": "end the command with `&`",
        "secrets": "declare them at the job",
        "retries": "repeat the command in the script",
    },
    instead={
        "env": "write `environment`",
        "script": "write `command`",
        "run": "write `command`",
        "cwd": "write `working_directory`",
        "workdir": "write `working_directory`",
        "working-directory": "write `working_directory`",
        "timeout-minutes": "write `timeout`, such as `timeout: 10m`",
        "if": "write `when`",
    },
)

WORKFLOW = Vocabulary(
    unknown="unknown key of a workflow:",
    now=("jobs",),
    later={
        "when": "test the condition in a step and `exit 0`",
        "unless": "test the condition in a step and `exit 0`",
        "triggers": "start the run by a push or by hand",
    },
    instead={"steps": "write `steps` below a job and name that job here"},
)

PLACE = Vocabulary(
    unknown="unknown key of a workflow's job:",
    now=("requires", "name"),
    later={
        "type": "leave the gate out, or split the workflow into two files",
        "filters": "test the branch in a step and `exit 0`",
        "matrix": "write one job for each combination, sharing the steps by a YAML anchor",
        "context": "declare the names in the job's `secrets`",
        "when": "test the condition in a step and `exit 0`",
        "pre-steps": "write the steps into the job",
        "post-steps": "write the steps into the job",
    },
    instead={
        "needs": "write `requires`",
        "depends_on": "write `requires`",
        "require": "write `requires`",
    },
)
