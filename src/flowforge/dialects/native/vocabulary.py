"""The words of the grammar: those that work, those that will, and what people bring from elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """`unknown` is how a message about any other word begins. `later` gives for each known word that does not work yet
    what to do until it does; `instead` gives for words of other dialects what to write here. What is in `without` is
    read over with a warning that says what its value tells. With `others` any further word is read over with one, too."""

    unknown: str
    now: tuple[str, ...]
    later: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    others: bool = False


class Words(NamedTuple):
    """A vocabulary for each place in a file."""

    top: Vocabulary
    job: Vocabulary
    job_type: Vocabulary
    executor: Vocabulary
    container: Vocabulary
    service: Vocabulary
    step: Vocabulary
    checkout: Vocabulary
    run: Vocabulary
    workflow: Vocabulary
    place: Vocabulary


PRIVILEGES = frozenset(
    "privileged volumes volume mounts mount binds devices device cap_add cap_drop capabilities security_opt pid pid_mode "
    "ipc ipc_mode uts userns userns_mode network_mode host_network sysctls cgroup_parent runtime gpus tmpfs extra_hosts "
    "device_cgroup_rules apparmor seccomp ulimits group_add oom_score_adj docker_socket".split()
)
"""Ways to ask for more of a machine than the usual profile. Compared without case, `-` as `_`."""

_EXECUTION = ("docker", "image", "environment", "working_directory", "shell", "resource_class", "services")
_MACHINES = {
    "macos": "write `docker:` with the image",
    "machine": "write `docker:` with the image",
    "windows": "write `docker:` with the image",
}
_LOGIC = ("when", "unless", "filters", "paths")
_TERMS = ("retries", "allow_failure", "labels", "runs_on", "serial-group", "deploy_to")

TOP = Vocabulary(
    unknown="unknown key",
    now=(
        "version",
        "name",
        "parameters",
        "environment",
        "fail_fast",
        "commands",
        "executors",
        "triggers",
        "paths",
        "concurrency",
        "jobs",
        "workflows",
    ),
    later={
        "orbs": "write the steps that you need as `commands`",
        "setup": "write all jobs into this file",
        "caches": "let the steps fetch what they need",
        "cache": "let the steps fetch what they need",
    },
    instead={
        "env": "write `environment`",
        "variables": "write `environment`",
        "inputs": "write `parameters`",
        "pipeline": "write `jobs`",
        "stages": "write `workflows`, where `requires` sets the order",
        "steps": "put `steps` below a job, below `jobs`",
        "image": "put `image` below a job, below `jobs`",
        "on": "write `triggers`",
        "schedule": "put it below `triggers`",
    },
)

JOB = Vocabulary(
    unknown="unknown key of a job:",
    now=(
        *_EXECUTION,
        "executor",
        "steps",
        "timeout",
        "secrets",
        "name",
        "description",
        "parameters",
        "matrix",
        "parallelism",
        "network",
        "grant",
        *_TERMS,
        *_LOGIC,
    ),
    later={"cache": "let the steps fetch what they need", **_MACHINES},
    instead={
        "env": "write `environment`",
        "variables": "write `environment`",
        "script": "write `steps:` with `- run: …`",
        "run": "write `steps:` with `- run: …`",
        "commands": "write `steps:` with `- run: …`",
        "container": "write `docker:` with `- image: …`",
        "concurrency": "write `serial-group: NAME`",
        "requires": "write it below `workflows`, at this job's entry",
        "needs": "write `requires` below `workflows`, at this job's entry",
        "depends_on": "write `requires` below `workflows`, at this job's entry",
        "runs-on": "write `runs_on`",
        "retry": "write `retries`",
        "if": "write `when`",
        "timeout-minutes": "write `timeout`, such as `timeout: 10m`",
    },
)

JOB_TYPE = Vocabulary(unknown="unknown type of a job:", now=("build", "no-op"))

EXECUTOR = Vocabulary(
    unknown="unknown key of an executor:",
    now=(*_EXECUTION, "parameters", "description", "labels", "runs_on"),
    later=_MACHINES,
    instead={"env": "write `environment`", "container": "write `docker:` with `- image: …`"},
)

AUTH = Vocabulary(
    unknown="unknown key of `auth`:",
    now=("username", "password"),
    instead={"user": "write `username`", "token": "write `password`"},
)

CONTAINER = Vocabulary(
    unknown="unknown key of a container:",
    now=("image", "environment", "auth"),
    later={
        "name": "leave it out: steps run in the first container",
        "entrypoint": "call the program in a step",
        "command": "call the program in a step",
        "user": "use an image whose own user is the right one",
    },
    instead={"env": "write `environment`"},
)

SERVICE = Vocabulary(
    unknown="unknown key of a service:",
    now=(
        "image",
        "name",
        "aliases",
        "environment",
        "entrypoint",
        "command",
        "user",
        "ports",
        "health",
        "deadline",
        "auth",
    ),
    instead={"env": "write `environment`", "healthcheck": "write `health`", "alias": "write `name`"},
)

HEALTH = Vocabulary(
    unknown="unknown key of `health`:",
    now=("command", "interval", "timeout"),
    instead={"test": "write `command`"},
)

STEP = Vocabulary(
    unknown="unknown step",
    now=("checkout", "run", "when", "unless", "steps"),
    later={
        "save_cache": "leave it out: the job fetches what it needs",
        "restore_cache": "leave it out: the job fetches what it needs",
        "store_artifacts": "upload the files in a `run` step",
        "store_test_results": "print the results in a `run` step",
        "persist_to_workspace": "put both parts into one job",
        "attach_workspace": "put both parts into one job",
        "deploy": "write `run`",
        "setup_remote_docker": "build images outside of the job",
        "add_ssh_keys": "declare the key in `secrets` and write it to a file in a `run` step",
    },
    instead={
        "script": "write `run`",
        "command": "write `run`",
        "sh": "write `run`",
        "bash": "write `run`",
        "background": "write `run` with `background: true`",
        "uses": "write the commands as `run`",
        "clone": "write `checkout`",
        "git": "write `checkout`",
    },
)

CHECKOUT = Vocabulary(unknown="unknown key of `checkout`:", now=("path",), later={"method": "leave it out"})

CONDITIONAL = Vocabulary(unknown="unknown key of a condition:", now=("condition", "steps"))

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
        "background",
        "retries",
        "retry_delay",
    ),
    later={"secrets": "declare them at the job"},
    instead={
        "env": "write `environment`",
        "script": "write `command`",
        "run": "write `command`",
        "cwd": "write `working_directory`",
        "workdir": "write `working_directory`",
        "working-directory": "write `working_directory`",
        "timeout-minutes": "write `timeout`, such as `timeout: 10m`",
        "if": "put the step below `when`",
    },
)

COMMAND = Vocabulary(unknown="unknown key of a command:", now=("steps", "parameters", "description"))

PARAMETER = Vocabulary(
    unknown="unknown key of a parameter:",
    now=("type", "default", "description", "enum"),
    instead={"options": "write `enum`", "values": "write `enum`"},
)

WORKFLOW = Vocabulary(
    unknown="unknown key of a workflow:",
    now=("jobs", "when", "unless"),
    later={"triggers": "write `triggers` at the top level"},
    instead={"steps": "write `steps` below a job and name that job here"},
)

PLACE = Vocabulary(
    unknown="unknown key of a workflow's job:",
    now=(
        "requires",
        "name",
        "type",
        "matrix",
        "context",
        "pre-steps",
        "post-steps",
        "allow_failure",
        "serial-group",
        "deploy_to",
        *_LOGIC,
    ),
    instead={
        "needs": "write `requires`",
        "depends_on": "write `requires`",
        "require": "write `requires`",
        "branches": "put it below `filters`",
        "tags": "put it below `filters`",
    },
)

JOB_GROUP = Vocabulary(
    unknown="unknown key of a job group:",
    now=("jobs", "serial-group", "description"),
    later={"parameters": "write the values at the jobs that it lists"},
    instead={"requires": "write it where a workflow uses the group"},
)
GROUP_PLACE = Vocabulary(
    unknown="unknown key of a workflow's job group:",
    now=("requires", "name", "serial-group", *_LOGIC),
    later={
        "matrix": "write `matrix` at the jobs of the group",
        "context": "write `context` at the jobs of the group",
        "pre-steps": "write `pre-steps` at the jobs of the group",
        "post-steps": "write `post-steps` at the jobs of the group",
    },
    instead={"type": "leave it out: the group's jobs have types"},
)

WORKFLOW_TRIGGER = Vocabulary(
    unknown="unknown trigger of a workflow:",
    now=("schedule",),
    instead={
        "push": "write `triggers` at the top level",
        "pull_request": "write `triggers` at the top level",
    },
)
WORKFLOW_SCHEDULE = Vocabulary(
    unknown="unknown key of a schedule:",
    now=("cron", "filters"),
    instead={"branches": "put it below `filters`", "timezone": "write the time in UTC"},
)

SCHEDULE_FILTERS = Vocabulary(
    unknown="unknown key of a schedule's `filters`:",
    now=("branches",),
    instead={"tags": "leave it out: a schedule runs branches"},
)

MATRIX = Vocabulary(unknown="unknown key of a matrix:", now=("parameters", "exclude", "alias", "include"))

FILTERS = Vocabulary(unknown="unknown key of `filters`:", now=("branches", "tags"))
FILTER = Vocabulary(
    unknown="unknown key of a filter:",
    now=("only", "ignore"),
    instead={"include": "write `only`", "exclude": "write `ignore`", "except": "write `ignore`"},
)
RESOURCES = Vocabulary(
    unknown="unknown key of `resource_class`:",
    now=("cpus", "memory", "pids", "shm"),
    instead={"cpu": "write `cpus`", "mem": "write `memory`"},
)
RETRY = Vocabulary(
    unknown="unknown key of a retry rule:",
    now=("limit", "on", "exit_codes"),
    instead={"max": "write `limit`", "when": "write `on`"},
)
CONCURRENCY = Vocabulary(
    unknown="unknown key of `concurrency`:",
    now=("group", "cancel"),
    instead={
        "cancel_superseded": "write `cancel`",
        "cancel-in-progress": "write `cancel`",
        "cancel_in_progress": "write `cancel`",
    },
)
TRIGGERS = Vocabulary(
    unknown="unknown trigger",
    now=("push", "tag", "pull_request", "schedule", "upstream", "manual", "api"),
    instead={
        "pull-request": "write `pull_request`",
        "merge_request": "write `pull_request`",
        "cron": "write `schedule`",
    },
)
PUSH = Vocabulary(unknown="unknown key of this trigger:", now=("branches", "paths"))
TAG = Vocabulary(unknown="unknown key of `tag`:", now=("tags", "paths"), instead={"branches": "write `tags`"})
SCHEDULE = Vocabulary(
    unknown="unknown key of a schedule:",
    now=("name", "cron", "timezone", "branches", "inputs"),
    instead={"zone": "write `timezone`", "parameters": "write `inputs`"},
)
UPSTREAM = Vocabulary(
    unknown="unknown key of an upstream:",
    now=("project", "pipeline", "branches", "status"),
    instead={"statuses": "write `status`", "repository": "write `project`"},
)

NATIVE = Words(
    top=TOP,
    job=JOB,
    job_type=JOB_TYPE,
    executor=EXECUTOR,
    container=CONTAINER,
    service=SERVICE,
    step=STEP,
    checkout=CHECKOUT,
    run=RUN,
    workflow=WORKFLOW,
    place=PLACE,
)
